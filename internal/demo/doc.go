// Package demo is belfry demo: one Belfry in a directory of its own, which has a
// past, fed over HTTP with replayed real data, with a simulated district in which
// hazards happen by a script, and with what its cameras see; and a terminal that
// shows what goes in and whom it pages.
package demo
