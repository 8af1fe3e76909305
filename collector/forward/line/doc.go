// Package line writes series and samples as InfluxDB line protocol, in such a
// way that the target calls them what they are called here.
//
// A series is spelled once; each of its samples is then a copy of that key, a
// number and a time, for which nothing is allocated.
package line
