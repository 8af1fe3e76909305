// Package loadtest drives a server with readings and measures what it does
// with them: how many it acknowledges, how fast, and whether all of those are
// there afterwards.
//
// At a constant rate the schedule is open: a request is due when the schedule
// says so, whatever became of the ones before it, and its latency counts from
// then. A server that stalls is therefore charged for everything that had to
// wait (no coordinated omission).
//
// A series' readings are sent in their order in time, whatever the number of
// connections, and a request that was turned away or got no answer is sent
// again: nothing is lost unless the report says so.
package loadtest
