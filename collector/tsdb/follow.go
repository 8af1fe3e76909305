package tsdb

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/collector/reading"
)

// Follower minds changes of some series that Append writes, whose batches then have
// them as Levels if they ask for them.
type Follower interface {
	// Follow is asked for each series when it is met for the first time, and now and
	// then again; nil: nobody minds.
	Follow(series labels.Labels) *reading.Level
}

// Follow has a Follower follow all that is appended. It is called before the first
// Append, if at all.
func (s *Store) Follow(f Follower) { s.follower = f }

// follow finds the level of a field that was noted. Of a key, one is followed.
func (a *appending) follow(e *seriesEntry, name []byte, lset labels.Labels) {
	if a.store.follower == nil || e.level.Load() != nil {
		return
	}
	if l := a.store.follower.Follow(lset); l != nil {
		a.cache.level(e, name, l)
	}
}

// changed notes a point of whose entry the level did not stay as it was. Those after
// it have to be looked at too, until it is settled.
func (a *appending) changed(index int, e *seriesEntry, l *reading.Level) {
	set, p := e.fields.Load(), &a.batch.Points[index]
	fields := a.batch.Fields[p.First : p.First+p.Count]
	at := slices.IndexFunc(fields, func(f reading.Field) bool {
		return set.refs[set.leveled].name.Value() == string(a.batch.Bytes(f.Name))
	})
	if at >= 0 {
		l.Unsettle()
	}
	a.batch.Levels = append(a.batch.Levels, reading.Leveled{Level: l, Point: index, Field: at})
}
