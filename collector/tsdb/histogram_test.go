package tsdb

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/reading"
)

func (b *batchBuilder) addHistogram(key, field string, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) {
	k := b.span(key)
	b.Histograms = append(b.Histograms, reading.Histogram{
		Key: k, Whole: k, Name: b.span(field), Time: t, Line: uint32(len(b.Points) + len(b.Histograms) + 1), Integer: h, Float: fh,
	})
}

func (b *batchBuilder) addExemplar(key, field string, t int64, v float64, trace string) {
	b.Exemplars = append(b.Exemplars, reading.Exemplar{
		Key: b.span(key), Name: b.span(field),
		Exemplar: exemplar.Exemplar{Labels: labels.FromStrings("trace_id", trace), Value: v, Ts: t, HasTs: true},
	})
}

// readHistograms returns what is stored of one metric, by time, worded by
// upstream.
func readHistograms(t *testing.T, s *Store, metric string) map[int64]string {
	t.Helper()
	q, err := s.Querier(math.MinInt64, math.MaxInt64)
	require.NoError(t, err)
	defer func() { _ = q.Close() }()
	got := map[int64]string{}
	set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, metric))
	for set.Next() {
		it := set.At().Iterator(nil)
		for typ := it.Next(); typ != chunkenc.ValNone; typ = it.Next() {
			switch typ {
			case chunkenc.ValFloat:
				at, v := it.At()
				got[at] = fmt.Sprint(v)
			case chunkenc.ValHistogram:
				at, h := it.AtHistogram(nil)
				got[at] = "integer " + h.String()
			case chunkenc.ValFloatHistogram:
				at, fh := it.AtFloatHistogram(nil)
				got[at] = "float " + fh.String()
			}
		}
		require.NoError(t, it.Err())
	}
	require.NoError(t, set.Err())
	return got
}

// crash returns a copy of what would be on the disk if the power went now.
func crash(t *testing.T, s *Store) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(s.opts.Dir)))
	return dir
}

func TestNativeHistogramsAreThereAfterACrash(t *testing.T) {
	now, hour := nowMs(), int64(3_600_000)
	s := openStore(t, t.TempDir())
	custom := tsdbutil.GenerateTestCustomBucketsHistogram(3)
	b := &batchBuilder{}
	b.addHistogram("d,asset=井1", "int", now-1000, tsdbutil.GenerateTestHistogram(1), nil)
	b.addHistogram("d,asset=井1", "int", now, tsdbutil.GenerateTestHistogram(2), nil)
	b.addHistogram("d,asset=井1", "int", now-5*hour, tsdbutil.GenerateTestHistogram(7), nil) // late
	b.addHistogram("d,asset=井1", "float", now, nil, tsdbutil.GenerateTestFloatHistogram(3))
	b.addHistogram("d,asset=井1", "float", now-5*hour, nil, tsdbutil.GenerateTestFloatHistogram(8)) // late
	b.addHistogram("d,asset=井1", "custom", now, custom, nil)
	b.addHistogram("d,asset=井1", "mixed", now-2000, tsdbutil.GenerateTestHistogram(1), nil)
	b.add("d,asset=井1", "mixed", now-3000, 5)
	r, err := s.Append(context.Background(), &b.Batch, plainSpeller{})
	require.NoError(t, err)
	require.Empty(t, b.Refusals)
	require.Equal(t, 8, r.Samples)
	require.Equal(t, 7, r.Histograms)
	require.NoError(t, s.Sync(context.Background(), r.Generation))
	for _, s := range []*Store{s, openStore(t, crash(t, s))} {
		require.Equal(t, map[int64]string{
			now - 5*hour: "integer " + tsdbutil.GenerateTestHistogram(7).String(),
			now - 1000:   "integer " + tsdbutil.GenerateTestHistogram(1).String(),
			now:          "integer " + tsdbutil.GenerateTestHistogram(2).String(),
		}, readHistograms(t, s, "d_int"))
		require.Equal(t, map[int64]string{
			now - 5*hour: "float " + tsdbutil.GenerateTestFloatHistogram(8).String(),
			now:          "float " + tsdbutil.GenerateTestFloatHistogram(3).String(),
		}, readHistograms(t, s, "d_float"))
		require.Equal(t, map[int64]string{now: "integer " + custom.String()}, readHistograms(t, s, "d_custom"))
		require.Equal(t, map[int64]string{
			now - 3000: "5", now - 2000: "integer " + tsdbutil.GenerateTestHistogram(1).String(),
		}, readHistograms(t, s, "d_mixed"))
	}
}

func TestWhatTheStoreRefusesOfHistogramsItSaysWhy(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir(), func(o *Options) { o.SeriesLimit = 3 })
	one, two := func() *histogram.Histogram { return tsdbutil.GenerateTestHistogram(1) }, tsdbutil.GenerateTestHistogram(2)
	b := &batchBuilder{}
	b.addHistogram("a", "v", now, one(), nil)
	b.add("f", "v", now, 1)
	require.NoError(t, write(t, s, b))
	require.Empty(t, b.Refusals)

	broken := one()
	broken.PositiveSpans[0].Length += 5
	b = &batchBuilder{}
	b.addHistogram("a", "v", now, one(), nil)                             // exact duplicate: no refusal
	b.addHistogram("a", "v", now, two, nil)                               // differs from the newest
	b.addHistogram("a", "v", now, nil, one().ToFloat(nil))                // another type
	b.addHistogram("a", "v", now-25*time.Hour.Milliseconds(), two, nil)   // beyond late
	b.addHistogram("a", "v", now+11*time.Minute.Milliseconds(), two, nil) // beyond early
	b.addHistogram("a,x=1,x=2", "v", now, two, nil)                       // no series
	b.addHistogram("a", "v", now+1, broken, nil)
	b.addHistogram("a", "v", now+1, nil, nil)
	b.addHistogram("f", "v", now, two, nil)   // a float is stored at that time
	b.addHistogram("new", "v", now, two, nil) // taken
	b.addHistogram("new", "v", now, one(), nil)
	b.addHistogram("new", "v", now, two.Copy(), nil) // repeats what was taken
	b.addHistogram("more", "v", now, two, nil)       // beyond the limit
	r, err := s.Append(context.Background(), &b.Batch, plainSpeller{})
	require.NoError(t, err)
	require.Equal(t, []reading.Reason{
		reading.ReasonConflict, reading.ReasonConflict, reading.ReasonTooOld, reading.ReasonTooNew, reading.ReasonBadSeries,
		reading.ReasonBadHistogram, reading.ReasonBadHistogram, reading.ReasonConflict, reading.ReasonConflict, reading.ReasonSeriesLimit,
	}, reasons(b))
	require.Equal(t, []uint32{2, 3, 4, 5, 6, 7, 8, 9, 11, 13}, lines(b))
	require.Equal(t, 3, r.Samples)
	require.Equal(t, map[int64]string{now: "integer " + one().String()}, readHistograms(t, s, "a_v"))
	require.Equal(t, map[int64]string{now: "integer " + two.String()}, readHistograms(t, s, "new_v"))
}

func lines(b *batchBuilder) (lines []uint32) {
	for _, r := range b.Refusals {
		lines = append(lines, r.Line)
	}
	return lines
}

func TestAFloatAndAHistogramOfOneInstantInOneBatchAreAConflict(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	b := &batchBuilder{}
	b.add("a", "v", now, 1)
	b.addHistogram("a", "v", now, tsdbutil.GenerateTestHistogram(1), nil)
	b.addHistogram("a", "other", now, tsdbutil.GenerateTestHistogram(1), nil)
	require.NoError(t, write(t, s, b))
	require.Equal(t, []reading.Reason{reading.ReasonConflict}, reasons(b))
	require.Equal(t, map[int64]string{now: "1"}, readHistograms(t, s, "a_v"))
	require.Len(t, readHistograms(t, s, "a_other"), 1)
}

func TestAHistogramSeriesThatWasForgottenStartsAnew(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	b := &batchBuilder{}
	b.addHistogram("old", "v", now-20*time.Hour.Milliseconds(), tsdbutil.GenerateTestHistogram(1), nil)
	require.NoError(t, write(t, s, b))
	b = &batchBuilder{}
	b.add("kept", "v", now, 1)
	require.NoError(t, write(t, s, b))
	require.NoError(t, s.Maintain(context.Background()))
	require.EqualValues(t, 1, s.SeriesCount(), "the old series should be in a block only")

	b = &batchBuilder{}
	b.addHistogram("old", "v", now, tsdbutil.GenerateTestHistogram(2), nil)
	require.NoError(t, write(t, s, b))
	require.Empty(t, b.Refusals)
	require.Len(t, readHistograms(t, s, "old_v"), 2)
}

// Resolutions of 9 to 52 are valid, and finer than upstream's chunks take.
func TestAHistogramOfTooFineAResolutionIsStoredAtTheFinestThereIs(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	fine := &histogram.Histogram{
		Schema: 10, Count: 3, Sum: 3, ZeroThreshold: 0.001,
		PositiveSpans: []histogram.Span{{Offset: 0, Length: 2}}, PositiveBuckets: []int64{1, 1},
	}
	b := &batchBuilder{}
	b.addHistogram("fine", "v", now, fine.Copy(), nil)
	b.addHistogram("fine", "f", now, nil, fine.ToFloat(nil))
	require.NoError(t, write(t, s, b))
	require.Empty(t, b.Refusals)
	want := fine.Copy()
	require.NoError(t, want.ReduceResolution(8))
	require.Equal(t, map[int64]string{now: "integer " + want.String()}, readHistograms(t, s, "fine_v"))
	require.Equal(t, map[int64]string{now: "float " + want.ToFloat(nil).String()}, readHistograms(t, s, "fine_f"))
}

// Prometheus sends the staleness marker of a histogram series as a float, and
// sends it again when it got no answer.
func TestTheStalenessMarkerOfAHistogramMayComeTwice(t *testing.T) {
	now, stale := nowMs(), math.Float64frombits(value.StaleNaN)
	dir := t.TempDir()
	s := openStore(t, dir)
	b := &batchBuilder{}
	b.addHistogram("a", "int", now, tsdbutil.GenerateTestHistogram(1), nil)
	b.addHistogram("a", "float", now, nil, tsdbutil.GenerateTestFloatHistogram(1))
	require.NoError(t, write(t, s, b))
	mark := func(s *Store, field string) *batchBuilder {
		b := &batchBuilder{}
		b.add("a", field, now+1, stale)
		require.NoError(t, write(t, s, b))
		return b
	}
	for range 3 {
		require.Empty(t, mark(s, "int").Refusals)
		require.Empty(t, mark(s, "float").Refusals)
	}
	require.Len(t, readHistograms(t, s, "a_int"), 2)
	require.NoError(t, s.Close())
	s = openStore(t, dir)
	require.Empty(t, mark(s, "int").Refusals, "also after a restart")
	b = &batchBuilder{}
	b.addHistogram("a", "int", now+2, tsdbutil.GenerateTestHistogram(1), nil)
	require.NoError(t, write(t, s, b))
	b = &batchBuilder{}
	b.add("a", "int", now+2, stale)
	require.NoError(t, write(t, s, b))
	require.Equal(t, []reading.Reason{reading.ReasonConflict}, reasons(b), "a histogram is no staleness marker")
}

func TestHistogramQuantilesAreComputedByPromQL(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	b := &batchBuilder{}
	for i := range int64(100) { // enough series for reading ahead, floats among them
		key := fmt.Sprintf("d,i=%d", i)
		b.addHistogram(key, "wait", now, &histogram.Histogram{
			Schema: 0, Count: 20, Sum: 60, PositiveSpans: []histogram.Span{{Offset: 2, Length: 2}}, PositiveBuckets: []int64{10, 0},
		}, nil)
		b.add(key, "wait", now-60_000, 1)
	}
	require.NoError(t, write(t, s, b))
	require.Empty(t, b.Refusals)
	engine := promql.NewEngine(promql.EngineOpts{Logger: slog.New(slog.DiscardHandler), MaxSamples: 1e6, Timeout: time.Minute})
	defer func() { _ = engine.Close() }()
	q, err := engine.NewInstantQuery(t.Context(), s, nil, `histogram_quantile(0.5, d_wait{i="7"})`, time.UnixMilli(now))
	require.NoError(t, err)
	defer q.Close()
	r := q.Exec(t.Context())
	require.NoError(t, r.Err)
	v, err := r.Vector()
	require.NoError(t, err)
	require.Len(t, v, 1)
	require.InDelta(t, 4, v[0].F, 1e-9, "half lies in (2,4], half in (4,8]")

	q, err = engine.NewInstantQuery(t.Context(), s, nil, `sum(histogram_count(d_wait)) + count_over_time(d_wait{i="7"}[2m]) * 0`, time.UnixMilli(now))
	require.NoError(t, err)
	defer q.Close()
	require.NoError(t, q.Exec(t.Context()).Err)
	q, err = engine.NewInstantQuery(t.Context(), s, nil, `sum(histogram_count(d_wait))`, time.UnixMilli(now))
	require.NoError(t, err)
	defer q.Close()
	r = q.Exec(t.Context())
	require.NoError(t, r.Err)
	require.Contains(t, r.String(), "2000")
}

func readExemplars(t *testing.T, s *Store) (got []string) {
	t.Helper()
	q, err := s.ExemplarQuerier(t.Context())
	require.NoError(t, err)
	res, err := q.Select(0, math.MaxInt64, []*labels.Matcher{labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".+")})
	require.NoError(t, err)
	for _, r := range res {
		for _, e := range r.Exemplars {
			got = append(got, fmt.Sprintf("%s %v %s", r.SeriesLabels.Get(model.MetricNameLabel), e.Value, e.Labels.Get("trace_id")))
		}
	}
	return got
}

func TestExemplarsAreThereAfterACrash(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	b := &batchBuilder{}
	b.add("a", "v", now, 1)
	b.addHistogram("h", "v", now, tsdbutil.GenerateTestHistogram(1), nil)
	b.addExemplar("a", "v", now, 1, "first")
	b.addExemplar("h", "v", now, 2, "second")
	b.addExemplar("nobody", "v", now, 2, "of no series")
	b.addExemplar("a", "v", now+time.Hour.Milliseconds(), 2, "of another time")
	r, err := s.Append(t.Context(), &b.Batch, plainSpeller{})
	require.NoError(t, err)
	require.Empty(t, b.Refusals)
	require.Equal(t, 2, r.Exemplars)
	require.NoError(t, s.Sync(t.Context(), r.Generation))

	b = &batchBuilder{}
	b.addExemplar("a", "v", now+1, 3, "without a sample")
	b.addExemplar("a", "v", now+2, 3, fmt.Sprintf("%200d", 1))
	r, err = s.Append(t.Context(), &b.Batch, plainSpeller{})
	require.NoError(t, err)
	require.Equal(t, 1, r.Exemplars, "one is longer than the standard allows")
	require.False(t, r.Empty())
	require.NoError(t, s.Sync(t.Context(), r.Generation))
	want := []string{"a_v 1 first", "a_v 3 without a sample", "h_v 2 second"}
	require.Equal(t, want, readExemplars(t, s))
	require.Equal(t, want, readExemplars(t, openStore(t, crash(t, s))))

	none := openStore(t, t.TempDir(), func(o *Options) { o.MaxExemplars = NoExemplars })
	b = &batchBuilder{}
	b.add("a", "v", now, 1)
	b.addExemplar("a", "v", now, 1, "first")
	r, err = none.Append(t.Context(), &b.Batch, plainSpeller{})
	require.NoError(t, err)
	require.Zero(t, r.Exemplars)
	require.Empty(t, readExemplars(t, none))
}
