// Package influx speaks InfluxDB's line protocol for the load test: it encodes
// what a city's streams say, keeps whole rounds of requests ready in which only
// timestamps and counters are patched, and sends them over HTTP.
package influx
