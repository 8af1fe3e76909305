package forward

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/belfry-city/belfry/collector/forward/remote"
)

const (
	firstPause     = 100 * time.Millisecond
	longestPause   = 10 * time.Second
	longestAsked   = 10 * time.Minute // of a Retry-After
	failuresToTell = 2                // in a row, before they are logged
)

// health lets one request at a time through to a target that fails, and tells
// people when it begins to fail and when it is well again. All methods are safe
// for concurrent use.
type health struct {
	logger *slog.Logger

	mu       sync.Mutex
	failures int
	since    time.Time
	told     remote.Kind // "": nobody
	until    time.Time   // no request before
	probing  bool
	changed  chan struct{}
}

func newHealth(logger *slog.Logger) *health {
	return &health{logger: logger, changed: make(chan struct{})}
}

// failing says whether the last request failed.
func (h *health) failing() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failures > 0
}

// enter returns when a request may be sent; leave or abandon must follow.
func (h *health) enter(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h.mu.Lock()
		wait := time.Until(h.until)
		if h.failures == 0 || !h.probing && wait <= 0 {
			h.probing = h.failures > 0
			h.mu.Unlock()
			return nil
		}
		if h.probing {
			wait = longestPause
		}
		changed := h.changed
		h.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-changed:
		}
		timer.Stop()
	}
}

// abandon is leave for a request of which nothing has been learnt.
func (h *health) abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.probing = false
	h.wake()
}

func (h *health) wake() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// leave notes how a request went; nil: well.
func (h *health) leave(f *remote.Failure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if f == nil || f.Kind == remote.Refused || f.Kind == remote.TooLarge {
		h.well(now)
		return
	}
	if h.failures == 0 {
		h.since = now
	}
	if h.probing || !h.until.After(now) { // or others that were under way fail for the same reason
		h.failures++
		h.until = now.Add(pause(h.failures, f.RetryAfter))
	}
	h.probing = false
	if h.told != f.Kind && (h.failures >= failuresToTell || f.Kind == remote.Denied) && (h.told == "" || f.Kind == remote.Denied) {
		h.tell(f)
	}
	h.wake()
}

func (h *health) well(now time.Time) {
	if h.failures == 0 {
		return
	}
	if h.told != "" {
		h.logger.Info("the target takes samples again", "after", now.Sub(h.since).Round(time.Second))
	}
	h.failures, h.told, h.probing, h.until = 0, "", false, time.Time{}
	h.wake()
}

func (h *health) tell(f *remote.Failure) {
	h.told = f.Kind
	switch f.Kind {
	case remote.Denied:
		h.logger.Error("the target does not take what is sent; samples wait until its address, token or bucket is right", "err", f.Err)
	case remote.Busy:
		h.logger.Warn("the target is overloaded or ill; samples wait", "err", f.Err)
	default:
		h.logger.Warn("the target is away; samples wait", "err", f.Err)
	}
}

// pause grows with each failure, and differs from one forwarder to the next.
func pause(failures int, asked time.Duration) time.Duration {
	if asked > 0 {
		return min(asked, longestAsked)
	}
	d := longestPause
	if failures < 8 {
		d = min(firstPause<<(failures-1), longestPause)
	}
	return d*3/4 + rand.N(d/2)
}
