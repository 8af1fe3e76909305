// Package lineproto reads InfluxDB line protocol, as InfluxDB 1 and 2 accept it,
// in place and into a reading.Batch. A Parser finds points and numbers and
// leaves the series key as it stands; a Speller turns the key into a metric and
// labels, once a series.
//
//	measurement[,tag=value...] field=value[,field=value...] [timestamp]
//
// The model is github.com/influxdata/line-protocol/v2, to which a fuzz test
// compares the parser line by line. It differs where that serves readings
// better, or where InfluxDB's servers differ from that package themselves:
//
//   - A refused line ends at its first line break, even if that stood in a string.
//     So a quote that is missing costs one line, not those up to the next quote.
//   - Text is not stored, and therefore not checked for valid UTF-8: a reading is
//     not lost for a remark in another encoding. Names and tags are checked.
//   - A comment may contain control characters, such as tabs.
//   - Floats are decimal. The hexadecimal ones and the underscores that Go knows
//     are refused, as InfluxDB's servers refuse them.
//   - Timestamps are limited by milliseconds in an int64, not by nanoseconds.
//   - A line without a timestamp gets the time now, not rounded to the precision.
//   - A line may be limited in length.
//
// As in InfluxDB, the last of several fields with the same key in one line wins;
// booleans are 1 and 0. Integers beyond 2^53 are rounded to the nearest float64.
// A leading plus sign is refused, as it is by InfluxDB.
package lineproto
