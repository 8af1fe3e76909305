// Package telemetry is how Belfry speaks about itself: its log, its own
// metrics, and /metrics, on which they stand beside those of the upstream
// packages that are embedded in it. Nothing here is global: every Belfry of a
// process has its own.
package telemetry
