// Package otlp turns requests of the OpenTelemetry protocol, in protobuf or
// JSON, into readings: it looks at each data point and refuses what is wrong
// with it, has upstream's converter make Prometheus series of the others, and
// sums up deltas where that is asked for.
//
// The protocol: https://opentelemetry.io/docs/specs/otlp/. What becomes of names
// and attributes: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/.
package otlp
