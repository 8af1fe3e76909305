// Package state keeps what models have learned over restarts.
//
// A round is a file into which the state of every series is written once, a few
// hundred kilobytes at a time, so that nothing stands still for it. It begins with
// the place in the log up to which all states in it are at least; so from that
// place on the log has all that a state may lack. When a round is complete and on
// disk, the rounds before it are removed. Whenever the process dies there are thus
// one complete round and perhaps a part of the next, of which the newest state of
// each series counts.
//
// Each record has a sum of its own. One that is damaged is left out, and what
// follows is found by a mark that each record begins with.
package state
