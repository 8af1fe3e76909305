// Package watch runs detectors: it reads what is stored from the database's log,
// gives it to models, and stores what they say.
//
// Nobody who writes waits for it: a Watcher reads the write-ahead log as any
// reader of the file would, and is only woken by commits. All that a series' model
// sees is its samples in the order of the log, each later than the one before, so
// what it says depends on the log alone, whenever and however often it is read. A
// restart goes on from states on disk (package state) and from a place in the log
// in front of them: samples that a state has seen already are known by their time.
// Scores that were stored before a crash are made again, the same to the bit, and
// not stored a second time.
package watch
