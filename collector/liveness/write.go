package liveness

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// sample is something about a device that is to be stored.
type sample struct {
	*device
	what what
}

type what int

const (
	isSilent what = iota // or is not
	wasSeen
	ends // both series
)

const (
	seenEvery   = 60  // seconds
	silentEvery = 300 // seconds
	chunk       = 5000
	retryAfter  = 1000 // milliseconds
	mostWaiting = 1 << 20
)

// say stores what is known of a device.
func (l *Liveness) say(d *device) {
	l.out = append(l.out, sample{d, isSilent})
	l.saySeen(d)
}

// saySeen stores when a device was seen, unless that is known or was said within
// the last minute.
func (l *Liveness) saySeen(d *device) {
	if newest := d.newest(); newest != 0 && newest != d.seen && l.last-d.asked >= seenEvery*1000 {
		d.asked = l.last
		l.out = append(l.out, sample{d, wasSeen})
	}
}

// sweep looks at each device once a minute, some of them every second.
func (l *Liveness) sweep(now int64) {
	to := now / 1000
	var gone list
	for second := max(l.swept, to-silentEvery) + 1; second <= to; second++ {
		for i := int(second % seenEvery); i < len(l.all); i += seenEvery {
			d := l.all[i]
			if l.gone(d, now) {
				l.forget(d)
				gone.add(d)
				continue
			}
			l.saySeen(d)
		}
		for i := int(second % silentEvery); i < len(l.all); i += silentEvery {
			if d := l.all[i]; d.reported {
				l.out = append(l.out, sample{d, isSilent})
			}
		}
	}
	if to != l.swept {
		l.count()
	}
	l.swept = to
	gone.log(l.opts.Logger, "devices are forgotten that have long been silent")
}

// count counts devices for the metrics.
func (l *Liveness) count() {
	var alive, learning int64
	for _, d := range l.all {
		switch {
		case d.silent:
		case d.allowed() == 0:
			learning++
		default:
			alive++
		}
	}
	l.alive.Store(alive)
	l.learning.Store(learning)
}

// gone says whether nobody misses a device.
func (l *Liveness) gone(d *device, now int64) bool {
	return !d.listed && now-max(d.heard(), d.since)-d.allowed() > l.opts.Forget.Milliseconds()
}

// flush stores what there is to store. What cannot be is kept, and tried again.
func (l *Liveness) flush(ctx context.Context, now int64) {
	if now < l.retry {
		return
	}
	for len(l.out) > 0 {
		n := min(len(l.out), chunk)
		if err := l.store(ctx, l.out[:n], now); err != nil {
			if l.retry == 0 && ctx.Err() == nil {
				l.opts.Logger.Warn("what is known of devices is not stored; it is tried again", "err", err)
			}
			l.retry = now + retryAfter
			l.out = l.out[:min(len(l.out), mostWaiting)]
			return
		}
		l.out = l.out[n:]
	}
	l.out, l.retry = nil, 0
}

func (l *Liveness) store(ctx context.Context, samples []sample, now int64) error {
	app := l.opts.Store.Appender(ctx)
	for _, s := range samples {
		if err := s.append(app, now); err != nil {
			return errors.Join(err, app.Rollback())
		}
	}
	if err := app.Commit(); err != nil {
		return fmt.Errorf("store the series of devices: %w", err)
	}
	return nil
}

func (s sample) append(app storage.Appender, now int64) error {
	add := func(metric string, t int64, v float64) error {
		series := labels.FromStrings(model.MetricNameLabel, metric, "asset", s.asset)
		_, err := app.Append(0, series, t, v)
		if errors.Is(err, storage.ErrDuplicateSampleForTimestamp) {
			_, err = app.Append(0, series, t+1, v)
		}
		if err == nil || isOld(err) {
			return nil
		}
		return fmt.Errorf("store %s of %s: %w", metric, s.asset, err)
	}
	switch s.what {
	case isSilent:
		v := 0.0
		if s.silent {
			v = 1
		}
		return add(Silent, s.tell(now), v)
	case wasSeen:
		s.seen = s.newest()
		return add(Seen, s.tellSeen(now), float64(s.seen)/1000)
	default:
		stale := math.Float64frombits(value.StaleNaN)
		s.seen = 0
		return errors.Join(add(Silent, s.tell(now), stale), add(Seen, s.tellSeen(now), stale))
	}
}

// isOld says that the series has newer samples: somebody else writes it too, and
// his clock is ahead.
func isOld(err error) bool {
	return errors.Is(err, storage.ErrOutOfOrderSample) || errors.Is(err, storage.ErrTooOldSample) ||
		errors.Is(err, storage.ErrOutOfBounds) || errors.Is(err, storage.ErrDuplicateSampleForTimestamp)
}

// tell is the time of the next sample of Silent: each has its own.
func (d *device) tell(now int64) int64 {
	d.told = max(now, d.told+1)
	return d.told
}

func (d *device) tellSeen(now int64) int64 {
	d.seenAt = max(now, d.seenAt+1)
	return d.seenAt
}
