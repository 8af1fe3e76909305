// Package plate takes number plates out of what is kept: labels of series,
// events, and what was refused. It finds Chinese plates by how they look, in any
// spelling that messages have (UTF-8, GBK, escapes of JSON, XML and URLs), and
// plates of every country by what stands before them: the keys of JSON, the
// elements of XML, the columns of CSV, the fields of forms.
//
// Chinese plates are those of GA 36-2018 (five characters behind province and
// letter, six for new energy, and those that end in 学, 警, 挂, 港, 澳, 使, 领,
// 试, 超, 应急), of embassies (使 and six digits), of the armed police (WJ and a
// province) and of the army (two letters, a middle dot, five digits).
package plate
