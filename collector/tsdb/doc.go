// Package tsdb is the embedded database: Prometheus' TSDB, with a cache that
// finds a series by the bytes in which an input spelled it, and with a group
// commit that says when what was appended is on disk.
//
// What upstream leaves open is closed here. A finished segment, a log of
// out-of-order samples whose write failed, a torn record at the end of a log
// and a full disk each end in an error to whoever waits for the
// acknowledgement, never in a lost sample: after a failed write nothing is
// acknowledged until the database has been reopened, which the store does by
// itself.
//
// Isolation is off: a query may see a part of a batch that is being committed.
package tsdb
