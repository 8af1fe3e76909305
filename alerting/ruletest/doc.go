// Package ruletest runs unit tests of rules, written in promtool's format.
//
// Rules are evaluated by upstream's own groups and engine, over a storage of
// upstream's own tests, at the instants that promtool chooses, so that a file
// has the same verdict in both. Belfry itself evaluates rules at more instants;
// at each of them they say what upstream's groups say. What this package adds
// is where a failure stands, a difference that can be read, and warnings about
// tests that can hardly be meant.
package ruletest
