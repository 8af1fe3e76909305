// Package jsontext reads JSON as devices send it: bounded in depth and in
// number of values, in UTF-8, GB 18030 (of which GBK and GB 2312 are parts) or
// UTF-16, one message or many. What is wrong is said with its line, column and
// reading.Reason. It knows no format; decoders of JSON share it.
package jsontext
