package valuefeed

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/collector/tsdb/newest"
)

// mostOver bounds how many series are counted beyond those that may be followed.
const mostOver = 100_000

// look is one look of a view at its series.
type look struct {
	newest.Reader
	view *view
	live int
	over int // series beyond MostSeries
	key  []byte
}

// read reads what a selector finds. The view's mu is held.
func (l *look) read(ctx context.Context, q storage.ChunkQuerier, matchers []*labels.Matcher) error {
	return l.Read(ctx, q, false, matchers, func(lset labels.Labels, sample func() (newest.Sample, bool, error)) (more bool, err error) {
		l.key = lset.Bytes(l.key[:0])
		s := l.view.named[string(l.key)]
		if s != nil && s.seen == l.view.number { // by another selector
			return true, nil
		}
		if l.live >= MostSeries {
			l.over++
			return l.over < mostOver, nil
		}
		found, ok, err := sample()
		if err == nil && ok {
			l.note(s, lset, found.Time, found.Value)
		}
		return true, err
	})
}

// note takes a newest value. s is nil for a series that is new.
func (l *look) note(s *series, lset labels.Labels, t int64, v float64) {
	view := l.view
	if s == nil {
		names := map[string]string{}
		lset.Range(func(l labels.Label) { names[strings.Clone(l.Name)] = strings.Clone(l.Value) })
		text, _ := json.Marshal(names) // texts
		s = &series{key: string(l.key), labels: text, time: math.MinInt64}
		view.named[s.key] = s
		view.all = append(view.all, s)
	}
	l.live++
	s.seen = view.number
	if s.time != t || math.Float64bits(s.value) != math.Float64bits(v) || !s.ended.IsZero() {
		s.time, s.value, s.changed, view.last = t, v, view.number, view.number
		s.ended = time.Time{}
	}
}
