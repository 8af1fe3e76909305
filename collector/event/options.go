package event

import (
	"errors"
	"log/slog"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// Options of a Store. Dir, Logger and Metrics are required.
type Options struct {
	// Dir holds events.db and what belongs to it.
	Dir string
	// KeepTime is how long an event is kept after it was last heard of; 0: for
	// ever. KeepBytes bounds the size of the database; 0: not.
	KeepTime  time.Duration
	KeepBytes int64
	// MaxRaw and MaxPicture bound what is kept of a message and a picture, in
	// bytes. A longer message is cut, a larger picture left out.
	MaxRaw, MaxPicture int
	// Early is how far in the future an event may be; one that is beyond is of the
	// time at which it arrived. 10 minutes if 0.
	Early time.Duration
	// NoSync acknowledges what the operating system has, without fsync.
	NoSync bool
	// Room says why there is no room for more on the disk, or nil; nil: there
	// always is.
	Room    func() error
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// TrimEvery is how often what is too old is looked for; a minute if 0.
	TrimEvery time.Duration
}

var (
	// ErrClosed is returned by a Store that has been closed.
	ErrClosed = errors.New("the event store is closed")
	// ErrDiskFull says that the disk had no room for events; nothing of them is
	// stored.
	ErrDiskFull = errors.New("the disk is full: the events are not stored")
	// ErrNotFound says that there is no such event, or no longer.
	ErrNotFound = errors.New("no such event")
)

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("event: no directory given")
	}
	if o.Logger == nil {
		return o, errors.New("event: no logger given")
	}
	if o.Metrics == nil {
		return o, errors.New("event: no metrics given")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Room == nil {
		o.Room = func() error { return nil }
	}
	if o.Early == 0 {
		o.Early = 10 * time.Minute
	}
	if o.TrimEvery == 0 {
		o.TrimEvery = time.Minute
	}
	return o, nil
}
