// Package demo is belfry demo: one Belfry in a directory of its own, fed over
// HTTP with replayed real data and with a small simulated district in which
// hazards happen by a script, and a terminal that shows what goes in and whom
// it pages.
package demo
