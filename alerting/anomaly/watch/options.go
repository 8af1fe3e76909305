package watch

import (
	"context"
	"log/slog"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
)

// Store is the database as far as a Watcher has to do with it.
type Store interface {
	storage.Appendable
	storage.Queryable
	// LogDir is the directory of the log.
	LogDir() string
	// Committed has a value when something was logged since one was taken.
	Committed() <-chan struct{}
	// Generation changes when the database has been reopened after a failure, by
	// which the end of its log may have changed.
	Generation() uint64
	// Sync returns when all that was logged in that generation is on disk.
	Sync(ctx context.Context, generation uint64) error
	// CheckRoom returns an error when the disk is too full to write to.
	CheckRoom() error
}

// Options of a Watcher. Those without a default are required.
type Options struct {
	Store     Store
	Detectors *detector.Set
	// Dir is where states are kept.
	Dir string
	// Limit is how many series and groups all detectors together watch at most.
	Limit int
	// Workers is how many processors models may use at a time; half of those that
	// there are, and at least one.
	Workers int
	// Round is how often the state of each series is written at least, unless all
	// states together are so large that it takes longer; 30 s.
	Round   time.Duration
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Now is the clock; time.Now.
	Now func() time.Time

	pace int           // bytes of states that are written at a time; tests make it small
	tick time.Duration // how often
}
