// Package history evaluates rules over what is stored: which alerts would have fired, when, and for how long. The rules are
// evaluated by Prometheus' engine and rule groups; the database may be that of a Belfry that runs, or a copy, and nothing is
// written to it.
package history
