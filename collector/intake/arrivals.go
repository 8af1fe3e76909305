package intake

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/belfry-city/belfry/collector/reading"
)

// arrivals give readings that have no time of their own the time at which they
// came. A series has one value a millisecond, so readings of one series that come
// within a millisecond get milliseconds one after the other.
type arrivals struct {
	seed  maphash.Seed
	store Store
	// before is the newest time that was stored before these arrivals.
	before int64

	mu   sync.Mutex
	last map[uint64]int64 // by the hash of the key, in milliseconds
	// sweepAt is at how many keys those are forgotten whose time has passed.
	sweepAt int
}

const (
	// ahead is how far in the future a reading may be said to have come, in
	// milliseconds. It bounds the backlog of one series that can be taken at once:
	// a broker or gateway that was cut off sends thousands.
	ahead = 60_000
	// keptArrivals is how many keys are remembered before it is looked whether
	// they still need to be.
	keptArrivals = 1 << 14
)

func newArrivals(store Store) *arrivals {
	a := &arrivals{seed: maphash.MakeSeed(), store: store, last: map[uint64]int64{}, sweepAt: keptArrivals}
	if newest, err := store.NewestTime(); err == nil {
		a.before = newest
	}
	return a
}

// settle gives their times to the points, from the first on, of a message that
// came at the given time and says nothing of its own. Those for which there is
// none are refused.
func (a *arrivals) settle(b *reading.Batch, first int, received int64) {
	for i := first; i < len(b.Points); i++ {
		p := &b.Points[i]
		if p.Time != received || p.Count == 0 {
			continue
		}
		at, ok := a.next(b, p, received)
		if !ok {
			b.Refusals = append(b.Refusals, reading.Refusal{
				Line: p.Line, Reason: reading.ReasonConflict, Values: p.Count, Raw: b.Bytes(p.Whole),
				Detail: fmt.Sprintf("the series has had a reading without a time of its own in each millisecond of the next %d s; send times", ahead/1000),
			})
			p.Count = 0
			continue
		}
		p.Time = at
	}
}

// next is the time of a reading that came now; ok is false where its series has
// readings for all of the time that may be used.
func (a *arrivals) next(b *reading.Batch, p *reading.Point, now int64) (at int64, ok bool) {
	key := b.Bytes(p.Key)
	hash := maphash.Bytes(a.seed, key)
	a.mu.Lock()
	defer a.mu.Unlock()
	last, known := a.last[hash]
	if !known && now <= a.before {
		last = a.stored(b, p, now)
	}
	if at = now; last >= now {
		at = last + 1
	}
	if at > now+ahead {
		return 0, false
	}
	if a.last[hash] = at; len(a.last) >= a.sweepAt {
		a.sweep(now)
	}
	return at, true
}

// stored is the newest time of a point's series, from now on: before a restart,
// many readings may have come at once. 0: there is nothing.
func (a *arrivals) stored(b *reading.Batch, p *reading.Point, now int64) (newest int64) {
	q, err := a.store.Querier(now, math.MaxInt64)
	if err != nil {
		return 0
	}
	defer func() { _ = q.Close() }() // it only reads
	for _, f := range b.Fields[p.First : p.First+p.Count] {
		metric, all, err := reading.LabelSpeller{}.Spell(b.Bytes(p.Key), b.Bytes(f.Name), nil)
		if err != nil {
			continue
		}
		matchers := []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, string(metric))}
		for _, l := range all {
			matchers = append(matchers, labels.MustNewMatcher(labels.MatchEqual, string(l.Name), string(l.Value)))
		}
		set := q.Select(context.Background(), false, nil, matchers...)
		for set.Next() {
			for it := set.At().Iterator(nil); it.Next() != chunkenc.ValNone; {
				newest = max(newest, it.AtT())
			}
		}
	}
	return newest
}

func (a *arrivals) sweep(now int64) {
	for hash, at := range a.last {
		if at < now-1000 {
			delete(a.last, hash)
		}
	}
	a.sweepAt = max(keptArrivals, 2*len(a.last))
}
