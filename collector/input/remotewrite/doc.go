// Package remotewrite reads Prometheus remote write requests, versions 1
// (prometheus.WriteRequest) and 2 (io.prometheus.write.v2.Request), in place:
// https://prometheus.io/docs/specs/prw/remote_write_spec/ and
// https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/. For floats it
// allocates nothing in the steady state. It is checked against upstream's own
// decoders.
package remotewrite
