// Package tail reads Prometheus' write-ahead log while it is being written:
// series and samples, from a position in it on, in the order in which they were
// logged. It keeps of each series what it is to the caller, and nothing of those
// that the caller does not want.
//
// The formats are upstream's, tsdb/docs/format/wal.md; upstream's own reader of
// this kind is tsdb/wlog.Watcher, which knows no position to begin at.
package tail
