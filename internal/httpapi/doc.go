// Package httpapi is everything that Belfry serves over HTTP, on one listener:
// the write endpoints of InfluxDB 1 and 2, the Prometheus API by upstream's own
// handler, the Alertmanager API, metrics and life cycle.
package httpapi
