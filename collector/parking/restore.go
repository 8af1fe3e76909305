package parking

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

const (
	// firstWindow is how far back the last life is looked for at first, and
	// farthest how far at last.
	firstWindow = 2 * time.Hour
	farthest    = 400 * 24 * time.Hour
	// overlap is how far before its end the last life is read: some refreshes.
	overlap = 10 * refreshInterval
	// lastReadings is how far before that the readings themselves are read.
	lastReadings = time.Hour
)

// Restore finds in the store what was known at the end of the last life. A bay
// that was taken then is taken since the same time.
func (t *Tracker) Restore(ctx context.Context) error {
	now := t.opts.Now()
	if err := t.restoreLots(ctx, now); err != nil {
		return err
	}
	end, err := t.lastSample(ctx, now, bayStays, bayOccupied)
	if err != nil || end == 0 {
		return err
	}
	from := end - overlap.Milliseconds()
	until := now.Add(t.opts.Early).UnixMilli()
	known := map[[2]string]*memory{}
	of := func(ls labels.Labels) *memory {
		id := [2]string{ls.Get("asset"), ls.Get("source")}
		if id[1] == "" {
			id[1] = t.opts.Source
		}
		m := known[id]
		if m == nil {
			m = &memory{}
			known[id] = m
		}
		if lot := ls.Get("lot"); lot != "" {
			m.lot = lot
		}
		return m
	}
	for _, read := range []struct {
		metric string
		from   int64
		each   func(*memory, int64, float64)
	}{
		{bayOccupied, from - lastReadings.Milliseconds(), (*memory).reading},
		{baySince, from, (*memory).timing},
		{bayStays, from, (*memory).counter},
	} {
		err := t.each(ctx, read.metric, read.from, until, func(ls labels.Labels, it chunkenc.Iterator) {
			if read.metric != bayOccupied && ls.Get("source") == "" {
				return // a sender's own
			}
			m := of(ls)
			for it.Next() == chunkenc.ValFloat {
				at, v := it.At()
				read.each(m, at, v)
			}
		})
		if err != nil {
			return err
		}
	}
	for id, m := range known {
		t.remember(id[0], id[1], m)
	}
	return nil
}

// lastCapacities is how far before the newest capacity of all car parks the
// others may be.
const lastCapacities = 25 * time.Hour

func (t *Tracker) restoreLots(ctx context.Context, now time.Time) error {
	end, err := t.lastSample(ctx, now, lotCapacity)
	if err != nil || end == 0 {
		return err
	}
	return t.each(ctx, lotCapacity, end-lastCapacities.Milliseconds(), now.Add(t.opts.Early).UnixMilli(), func(ls labels.Labels, it chunkenc.Iterator) {
		l := t.lot(ls.Get("asset"))
		for l != nil && it.Next() == chunkenc.ValFloat {
			l.known, l.capacity = it.At()
		}
	})
}

// lastSample is about when the newest sample is of the first metric that has
// any, or 0.
func (t *Tracker) lastSample(ctx context.Context, now time.Time, metrics ...string) (newest int64, err error) {
	const enough = 100 // series that are looked at
	for window := firstWindow; ; window *= 2 {
		for _, metric := range metrics {
			n := 0
			err := t.each(ctx, metric, now.Add(-window).UnixMilli(), now.Add(t.opts.Early).UnixMilli(), func(_ labels.Labels, it chunkenc.Iterator) {
				if n++; n > enough {
					return
				}
				for it.Next() == chunkenc.ValFloat {
					newest = max(newest, it.AtT())
				}
			})
			if err != nil || newest > 0 {
				return newest, err
			}
		}
		if window > farthest {
			return 0, nil
		}
	}
}

// each calls yield for the series of a metric.
func (t *Tracker) each(ctx context.Context, metric string, from, to int64, yield func(labels.Labels, chunkenc.Iterator)) error {
	q, err := t.opts.Store.Querier(from, to)
	if err != nil {
		return fmt.Errorf("read %s: %w", metric, err)
	}
	defer func() { _ = q.Close() }()
	set := q.Select(ctx, false, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, metric))
	var it chunkenc.Iterator
	for set.Next() {
		s := set.At()
		it = s.Iterator(it)
		yield(s.Labels(), it)
		if err := it.Err(); err != nil {
			return fmt.Errorf("read %s: %w", metric, err)
		}
	}
	if err := set.Err(); err != nil {
		return fmt.Errorf("read %s: %w", metric, err)
	}
	return nil
}

// memory is what the store holds of one bay by one source. Times are in
// milliseconds.
type memory struct {
	lot string

	last  int64 // newest reading
	state state // of it
	heard bool
	run   int64 // when the run of equal states began that ends with it

	since, sinceAt int64 // the newest value of the series, and its time
	timed          bool  // that is no end

	stays   float64
	staysAt int64
}

func (m *memory) reading(at int64, v float64) {
	s, ok := stateOf(v)
	if !ok {
		return
	}
	if !m.heard || s != m.state {
		m.run = at
	}
	m.last, m.state, m.heard = at, s, true
}

func (m *memory) timing(at int64, v float64) {
	m.sinceAt, m.timed = at, !value.IsStaleNaN(v)
	if m.timed {
		m.since = int64(math.Round(v * 1000))
	}
}

func (m *memory) counter(at int64, v float64) { m.stays, m.staysAt = v, at }

// remember makes a bay of what the store holds.
func (t *Tracker) remember(asset, source string, m *memory) {
	if asset == "" || !m.heard && !m.timed && m.staysAt == 0 {
		return
	}
	at := t.place(asset, source, m.lot)
	if at.bay == nil {
		return
	}
	b := at.bay
	b.stays, b.since, b.counter = int64(m.stays), m.sinceAt, m.staysAt
	c := change{restored: true}
	switch {
	case m.timed && (!m.heard || m.state == taken):
		c.at, c.state = m.since, taken
	case m.heard:
		c.at, c.state = m.run, m.state
	default:
		c.at, c.state = m.staysAt, free
	}
	last := max(m.last, c.at)
	if !m.heard && c.state == free {
		last = m.staysAt // nothing is known of its readings
	}
	b.Restore(last)
	b.add(c)
	b.settle()
}
