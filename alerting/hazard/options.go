package hazard

import (
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/notifier"

	"github.com/belfry-city/belfry/collector/catalog"
)

const (
	// hold is how long pages wait for the disk, and holdEach how much longer for each
	// alert that comes with the first: a thousand take a moment on a sound disk.
	hold     = 25 * time.Millisecond
	holdEach = 200 * time.Microsecond
	// group is how many events share a transaction at most, so that a critical one
	// never waits long for what came before it.
	group = 128
	// mostWaiting bounds the events that wait in memory for the disk.
	mostWaiting = 20_000
	// mostResolved bounds the resolved hazards that are known for being opened again.
	mostResolved = 50_000
	// patience is how long after a start a hazard may be unheard of: rules take their
	// alerts over, and tell of them again, within minutes. It is also how long an
	// alert without an end holds.
	patience = 5 * time.Minute
	// syncDelay is how long after a commit it is on disk also for a power cut, at the
	// latest, if the disk does its part.
	syncDelay = 200 * time.Millisecond
	// firstRetry and lastRetry are the pauses after a failed transaction.
	firstRetry, lastRetry = 100 * time.Millisecond, 5 * time.Second
)

// Sender takes alerts; it keeps what it is given.
type Sender interface {
	Send(alerts ...*notifier.Alert)
}

// Options of a Store. Dir, Logger and Metrics are required.
type Options struct {
	// Dir holds hazards.db and what belongs to it.
	Dir string
	// Reopen is within which time an alert that returns opens its hazard again.
	Reopen time.Duration
	// KeepTime is how long a hazard is kept after it was resolved; 0: for ever.
	// KeepBytes bounds the size of the database; 0: not. Open hazards are always kept.
	KeepTime  time.Duration
	KeepBytes int64
	// KeepEvents is how long events are there for followers; 0: as long as their
	// hazards.
	KeepEvents time.Duration
	// NoSync leaves to the operating system when commits reach the disk.
	NoSync bool
	// ExternalURL is where people reach Belfry, for links; nil leaves them relative.
	ExternalURL *url.URL
	// Catalog returns the asset register as it is now, never nil; nil: there is none.
	Catalog func() *catalog.Catalog
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// SweepEvery is how often is looked for what is over, or too old; a second if 0.
	SweepEvery time.Duration

	// mostWaiting is the constant, for tests that have less time.
	mostWaiting int
}

var (
	// ErrNotFound says that there is no such hazard, or no longer.
	ErrNotFound = errors.New("no such hazard")
	// ErrBadCursor says that a cursor is none that List has given.
	ErrBadCursor = errors.New("no cursor of a page of hazards")
	// ErrUnavailable says that the database cannot be read.
	ErrUnavailable = errors.New("the database of hazards cannot be opened")
)

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("hazard: no directory given")
	}
	if o.Logger == nil {
		return o, errors.New("hazard: no logger given")
	}
	if o.Metrics == nil {
		return o, errors.New("hazard: no metrics given")
	}
	if o.ExternalURL == nil {
		o.ExternalURL = &url.URL{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SweepEvery == 0 {
		o.SweepEvery = time.Second
	}
	if o.mostWaiting == 0 {
		o.mostWaiting = mostWaiting
	}
	return o, nil
}
