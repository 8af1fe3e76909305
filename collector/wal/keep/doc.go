// Package keep holds on to what a reader of the write-ahead log still needs when
// the database has no more use for it, by hard links: a name more for the same
// file, which costs no writing, and no space as long as the database keeps the
// file as well.
//
// Kept are one checkpoint below the oldest segment that is needed, because it
// names the series, all segments behind it, and the checkpoints made since.
// What is kept beyond the database's own is bounded; the oldest is given up.
package keep
