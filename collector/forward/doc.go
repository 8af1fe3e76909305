// Package forward sends what is stored also to a remote database.
//
// A Forwarder reads the write-ahead log from where it has got to (package wal/tail),
// writes the samples that are selected as line protocol (package line), and sends
// them in batches (package remote). It has nothing to do with those who write:
// while the target is away it holds a few batches and stands still, and the log
// waits on the disk. Package wal/keep holds on to segments that the database would
// remove before they have been sent.
//
// Nothing is sent before it is on disk here, and where the forwarder has got to is
// written down after the target has accepted it. So after a crash of either side
// some samples are sent again, the same to the bit, and none is left out. Targets
// such as VictoriaMetrics accept samples some seconds before they have them on
// disk: when one seems to have died, what it accepted last is sent again.
package forward
