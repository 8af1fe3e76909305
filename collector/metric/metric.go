package metric

// Metric is what is known of a metric. Its JSON is a public form: names stay.
type Metric struct {
	Name string `json:"name"`
	// Unit is as people write it, "" for none.
	Unit string `json:"unit"`
	// GrafanaUnit is the id of the unit in Grafana's fields.
	GrafanaUnit string `json:"grafana_unit"`
	Help        string `json:"help"`
	HelpZH      string `json:"help_zh"`
	// Domain is that of assets that have it, "" where it may be any.
	Domain string `json:"domain"`
}

// Table is all that is known. It does not change, and is safe for concurrent use.
type Table struct {
	all    []Metric
	byName map[string]int
}

// NewTable is the table.
func NewTable() *Table {
	t := &Table{byName: map[string]int{}}
	for _, r := range rows() {
		m := Metric{Name: r.name, Help: r.help, HelpZH: r.helpZH, Domain: r.domain}
		m.Unit, m.GrafanaUnit = ofSuffix(r.name)
		if r.grafana != "" {
			m.GrafanaUnit = r.grafana
		}
		t.byName[r.name] = len(t.all)
		t.all = append(t.all, m)
	}
	return t
}

// All are the metrics with an explanation, by domain. The slice belongs to the table.
func (t *Table) All() []Metric { return t.all }

// Of is what is known of a name; known says whether the table has it.
func (t *Table) Of(name string) (m Metric, known bool) {
	if i, ok := t.byName[name]; ok {
		return t.all[i], true
	}
	m = Metric{Name: name}
	m.Unit, m.GrafanaUnit = ofSuffix(name)
	return m, false
}
