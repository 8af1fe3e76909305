package forward

import (
	"context"
	"log/slog"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/collector/forward/line"
	"github.com/belfry-city/belfry/collector/forward/remote"
)

// Log is the database as far as a Forwarder has to do with it.
type Log interface {
	// Generation changes when the database has been reopened after a failure, by
	// which the end of its log may have changed.
	Generation() uint64
	// Sync returns when all that was logged in that generation is on disk.
	Sync(ctx context.Context, generation uint64) error
}

// Options of a Forwarder. Those without a default are required.
type Options struct {
	// Name is unique among the forwarders of a database, and fit to be the name
	// of a file. What has been sent is remembered under it.
	Name   string
	Target remote.Options
	// Filter selects the series that one of these matches; none: all.
	Filter [][]*labels.Matcher
	// Labels are added to series that have none of that name.
	Labels labels.Labels
	// DropLabels are taken off first.
	DropLabels []string
	Names      line.Names
	// Dialect is the target's; "": VictoriaMetrics' for that type, InfluxDB's for
	// InfluxDB 1, and for InfluxDB 2 the target is asked.
	Dialect line.Dialect
	// Batch is how many samples are sent at once.
	Batch int
	// Wait is how long a sample waits for others to go with.
	Wait time.Duration
	// Connections is how many batches are under way at a time.
	Connections int
	// Buffer is how many bytes of log may be kept for the target beyond what
	// the database keeps.
	Buffer int64
	// Resend is for how long a target may have things in memory that it has
	// accepted; 0: it has them on disk.
	Resend time.Duration

	WAL    string // the directory of the log
	Dir    string // on the same volume; this Forwarder's own
	Log    Log
	Short  func() bool // the disk is too full to keep log; nil: it never is
	Logger *slog.Logger
	// Metrics receives belfry_forward_*.
	Metrics *metrics.Set
}

// dialect is the one that is sure, or "".
func (o *Options) dialect() line.Dialect {
	switch {
	case o.Dialect != "":
		return o.Dialect
	case o.Target.Type == remote.VictoriaMetrics:
		return line.VictoriaMetrics
	case o.Target.Type == remote.InfluxDB1:
		return line.InfluxDB
	}
	return ""
}
