package tsdb

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/reading"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plainSpeller reads keys of the form metric,label=value and appends the field
// to the metric.
type plainSpeller struct{ space string }

func (s plainSpeller) Space() string { return s.space }

func (s plainSpeller) Spell(key, field []byte, ls []reading.Label) ([]byte, []reading.Label, error) {
	parts := bytes.Split(key, []byte(","))
	for _, p := range parts[1:] {
		name, value, ok := bytes.Cut(p, []byte("="))
		if !ok {
			return nil, ls, fmt.Errorf("tag %q has no value", p)
		}
		ls = append(ls, reading.Label{Name: name, Value: value})
	}
	if s.space != "" {
		ls = append(ls, reading.Label{Name: []byte("space"), Value: []byte(s.space)})
	}
	return append(append(append([]byte{}, parts[0]...), '_'), field...), ls, nil
}

// batchBuilder puts together what an input would have parsed.
type batchBuilder struct{ reading.Batch }

func (b *batchBuilder) span(s string) reading.Span {
	at := len(b.Raw)
	b.Raw = append(b.Raw, s...)
	return reading.Span{Off: uint32(at), Len: uint32(len(s))}
}

func (b *batchBuilder) add(key, field string, t int64, v float64) {
	first := uint32(len(b.Fields))
	b.Fields = append(b.Fields, reading.Field{Name: b.span(field), Value: v})
	k := b.span(key)
	b.Points = append(b.Points, reading.Point{Key: k, Whole: k, Time: t, Line: uint32(len(b.Points) + 1), First: first, Count: 1})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func openStore(t testing.TB, dir string, change ...func(*Options)) *Store {
	t.Helper()
	o := Options{Dir: dir, Logger: quiet()}
	for _, c := range change {
		c(&o)
	}
	s, err := Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// write appends and waits for the disk, as the intake does.
func write(t testing.TB, s *Store, b *batchBuilder) error {
	t.Helper()
	r, err := s.Append(context.Background(), &b.Batch, plainSpeller{})
	if err != nil {
		return err
	}
	return s.Sync(context.Background(), r.Generation)
}

type sample struct {
	t int64
	v float64
}

// readAll returns every stored sample by the series' labels.
func readAll(t testing.TB, s *Store) map[string][]sample {
	t.Helper()
	q, err := s.Querier(math.MinInt64, math.MaxInt64)
	require.NoError(t, err)
	defer func() { _ = q.Close() }()
	got := map[string][]sample{}
	set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".+"))
	for set.Next() {
		series := set.At()
		it := series.Iterator(nil)
		for it.Next() == chunkenc.ValFloat {
			at, v := it.At()
			got[series.Labels().String()] = append(got[series.Labels().String()], sample{at, v})
		}
		require.NoError(t, it.Err())
	}
	require.NoError(t, set.Err())
	return got
}

func reasons(b *batchBuilder) []reading.Reason {
	var rs []reading.Reason
	for _, r := range b.Refusals {
		rs = append(rs, r.Reason)
	}
	return rs
}

func nowMs() int64 { return time.Now().UnixMilli() }
