package tsdb

import (
	"fmt"
	"math"

	"github.com/belfry-city/belfry/collector/reading"
)

// repeats remembers what a batch holds of each series, from the moment at which
// one turns up twice. Upstream compares a sample with what is committed, so it
// would drop the second of two values for one instant without a word.
type repeats struct {
	newest map[instant]int // index of the last point taken
	before []int           // by point: the one of the same instant before it, or -1
	// refused are the fields, by index, that were not taken.
	refused map[uint32]struct{}
}

// maxLookBack bounds the work for a batch that names one instant of a series
// over and over, each time with other fields.
const maxLookBack = 64

type instant struct {
	key  string
	time int64
}

// touchBits are those of a point's index; a batch has some thousand points.
const touchBits = 24

func (a *appending) touch(index int) uint64 {
	return a.id<<touchBits | uint64(index)&(1<<touchBits-1)
}

func (a *appending) touchedBy(touch uint64) bool { return touch>>touchBits == a.id }

// repeats says whether a point at time t might be of an instant that the batch
// has already named, given the last touch of its key. Where each time is later
// than the one before there is nothing to compare, as when a sender sends what it
// had to keep for a while.
func (a *appending) repeats(touch uint64, t int64) bool {
	return a.touchedBy(touch) && t <= a.batch.Points[touch&(1<<touchBits-1)].Time
}

func (r *repeats) active() bool { return r.newest != nil }

func (r *repeats) refuse(field uint32) {
	if r.refused == nil {
		r.refused = map[uint32]struct{}{}
	}
	r.refused[field] = struct{}{}
}

// note adds the point at index i.
func (r *repeats) note(b *reading.Batch, i int) {
	at := instant{view(b.Bytes(b.Points[i].Key)), b.Points[i].Time}
	prev, ok := r.newest[at]
	if !ok {
		prev = -1
	}
	r.before = append(r.before, prev)
	if prev < 0 || !sameFields(b, prev, i) {
		r.newest[at] = i
	}
}

// sameFields says whether two points have the same fields with the same values
// in the same order, so that one can stand for both.
func sameFields(b *reading.Batch, i, j int) bool {
	p, q := &b.Points[i], &b.Points[j]
	if p.Count != q.Count {
		return false
	}
	for k := range p.Count {
		f, g := &b.Fields[p.First+k], &b.Fields[q.First+k]
		if math.Float64bits(f.Value) != math.Float64bits(g.Value) || string(b.Bytes(f.Name)) != string(b.Bytes(g.Name)) {
			return false
		}
	}
	return true
}

// appendRepeated is appendKnown for a batch that names a key more than once.
func (a *appending) appendRepeated(index int, k seriesKey, e *seriesEntry) {
	r, b := &a.repeated, a.batch
	if !r.active() {
		r.newest = make(map[instant]int, len(b.Points))
	}
	for i := len(r.before); i <= index; i++ {
		r.note(b, i)
	}
	p := &b.Points[index]
	if f, line := a.conflictInBatch(index); f != nil {
		r.newest[instant{view(k.key), p.Time}] = r.before[index]
		a.refuse(p, reading.ReasonConflict, fmt.Sprintf("%s has another value at the same time in line %d", a.subject(f.Name), line))
		return
	}
	a.appendKnown(p, k, e)
}

// conflictInBatch returns the field of a point for which an earlier point of
// the batch, on the returned line, has another value at the same time.
func (a *appending) conflictInBatch(index int) (*reading.Field, uint32) {
	b := a.batch
	p := &b.Points[index]
	i := a.repeated.before[index]
	for looked := 0; i >= 0 && looked < maxLookBack; looked, i = looked+1, a.repeated.before[i] {
		q := &b.Points[i]
		for j := range p.Count {
			f := &b.Fields[p.First+j]
			for at := q.First; at < q.First+q.Count; at++ {
				g := &b.Fields[at]
				if _, refused := a.repeated.refused[at]; refused {
					continue
				}
				if math.Float64bits(f.Value) != math.Float64bits(g.Value) && string(b.Bytes(f.Name)) == string(b.Bytes(g.Name)) {
					return f, q.Line
				}
			}
		}
	}
	return nil, 0
}
