// Package ruleset loads and checks Prometheus rule files.
//
// The files have upstream's format and are judged by upstream's own code
// (model/rulefmt and promql/parser). What this package adds is where a mistake
// stands, what would be right instead, and a set that has been parsed once and
// can be handed to upstream's rules manager as it is.
package ruleset
