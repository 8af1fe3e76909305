package parking

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// Run keeps the series of taken bays fresh, counts car parks, and looks for
// disagreements, until ctx ends.
func (t *Tracker) Run(ctx context.Context) {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := t.once(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			t.opts.Logger.Warn("storing what follows from parking; it is tried again each second", "err", err)
		}
		failing = err != nil
	}
}

// once does what is due.
func (t *Tracker) once(ctx context.Context) error {
	now := t.opts.Now().UnixMilli()
	refresh := now-t.refreshed >= refreshInterval.Milliseconds() || now < t.refreshed // a clock was set back
	var samples []sample
	samples = t.checkShared(samples, now, refresh)
	due := t.takeDue()
	if refresh {
		samples = t.refresh(samples, now)
	} else {
		for _, p := range due {
			p.mu.Lock()
			samples, _ = t.refreshPlace(samples, p, now)
			p.mu.Unlock()
		}
	}
	if err := t.store(ctx, samples); err != nil {
		return err
	}
	if refresh {
		t.refreshed = now
	}
	return nil
}

func (t *Tracker) takeDue() []*place {
	t.dueMu.Lock()
	defer t.dueMu.Unlock()
	due := t.due
	t.due = nil
	return due
}

// sample is one that the tracker stores by itself.
type sample struct {
	metric, asset, source, lot string
	at                         int64
	value                      float64
}

// storeBatch is how many samples are stored together. Others that append wait
// meanwhile.
const storeBatch = 4096

func (t *Tracker) store(ctx context.Context, samples []sample) error {
	for part := range slices.Chunk(samples, storeBatch) {
		if err := t.storePart(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tracker) storePart(ctx context.Context, samples []sample) error {
	app := t.opts.Store.Appender(ctx)
	b := labels.NewScratchBuilder(4)
	for _, s := range samples {
		b.Reset()
		b.Add(model.MetricNameLabel, s.metric)
		for _, l := range [][2]string{{"asset", s.asset}, {"lot", s.lot}, {"source", s.source}} {
			if l[1] != "" {
				b.Add(l[0], l[1])
			}
		}
		_, err := app.Append(0, b.Labels(), s.at, s.value)
		if err != nil && !isOutOfTime(err) {
			return errors.Join(fmt.Errorf("store %s of %s: %w", s.metric, s.asset, err), app.Rollback())
		}
	}
	if err := app.Commit(); err != nil {
		return fmt.Errorf("store series of parking: %w", err)
	}
	return nil
}

// isOutOfTime holds for what the store does not take since a clock was set.
func isOutOfTime(err error) bool {
	return errors.Is(err, storage.ErrDuplicateSampleForTimestamp) || errors.Is(err, storage.ErrOutOfOrderSample) ||
		errors.Is(err, storage.ErrOutOfBounds) || errors.Is(err, storage.ErrTooOldSample)
}

// checkShared looks for disagreements. They get a sample when they begin and
// end, and at each refresh.
func (t *Tracker) checkShared(samples []sample, now int64, refresh bool) []sample {
	t.mu.RLock()
	shared := slices.Collect(maps.Keys(t.shared))
	t.mu.RUnlock()
	grace := t.opts.Grace.Milliseconds()
	for _, p := range shared {
		p.mu.Lock()
		since := p.differing(grace)
		differs := since > 0 && now-since > grace
		if differs != p.differs || refresh || p.shown == 0 {
			p.differs, p.shown = differs, now
			s := sample{metric: bayDiffer, asset: p.asset, at: now}
			if differs {
				s.value = 1
			}
			samples = append(samples, s)
		}
		p.mu.Unlock()
	}
	return samples
}

// counts are the bays of a car park, and how many of them are taken.
type counts struct{ bays, taken int }

func (t *Tracker) refresh(samples []sample, now int64) []sample {
	t.mu.RLock()
	places := slices.Collect(maps.Values(t.places))
	t.mu.RUnlock()
	lots := map[string]counts{}
	var gone []*place
	for _, p := range places {
		p.mu.Lock()
		var silent bool
		if samples, silent = t.refreshPlace(samples, p, now); silent {
			gone = append(gone, p)
		} else if lot, s := p.latest(); lot != "" && s != unknown {
			c := lots[lot]
			if c.bays++; s == taken {
				c.taken++
			}
			lots[lot] = c
		}
		p.mu.Unlock()
	}
	for lot, c := range lots {
		samples = append(samples, sample{
			metric: lotRatio, asset: lot, source: sourceBays, at: now, value: float64(c.taken) / float64(c.bays),
		})
	}
	t.forget(gone)
	return samples
}

// refreshPlace adds the samples that keep the series of a bay visible, and says
// whether none of its sources was heard of for so long that it is forgotten.
func (t *Tracker) refreshPlace(samples []sample, p *place, now int64) ([]sample, bool) {
	silent := true
	ahead := now + t.opts.Early.Milliseconds()
	for i := range p.bays {
		b := p.bays[i]
		s := sample{asset: p.asset, source: b.source, at: now}
		if b.since > ahead || b.counter > ahead { // a clock was wrong before
			b.since, b.counter = 0, 0
		}
		if now-b.Newest() > t.opts.Forget.Milliseconds() {
			if b.state() == taken {
				b.Unsettle()
				b.change(now, unknown, 0, ahead)
				s.metric, s.value = baySince, math.Float64frombits(value.StaleNaN)
				samples = append(samples, s)
			}
			continue
		}
		silent = false
		if b.state() == taken && now > b.since {
			b.since = now
			s.metric, s.value = baySince, float64(b.newest().at)/1000
			samples = append(samples, s)
		}
		if b.n > 0 && now > b.counter {
			b.counter = now
			s.metric, s.value, s.lot = bayStays, float64(b.stays), b.lot
			samples = append(samples, s)
		}
	}
	return samples, silent
}

// latest is what the source says that was heard of last.
func (p *place) latest() (lot string, s state) {
	s = unknown
	var last int64
	for i := range p.bays {
		b := p.bays[i]
		if lot == "" {
			lot = b.lot
		}
		if at := b.Newest(); b.state() != unknown && at >= last {
			last, s = at, b.state()
		}
	}
	return lot, s
}

func (t *Tracker) forget(gone []*place) {
	if len(gone) == 0 {
		return
	}
	t.mu.Lock()
	for _, p := range gone {
		delete(t.places, p.asset)
		delete(t.shared, p)
		p.forget()
	}
	t.mu.Unlock()
	t.keys.forget()
}

// forget has the next reading find another place.
func (p *place) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgotten.Store(true)
	for _, b := range p.bays {
		b.Unsettle()
	}
}
