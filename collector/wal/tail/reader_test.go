package tail_test

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/record"
	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/prometheus/prometheus/util/compression"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/collector/wal/keep"
	"github.com/belfry-city/belfry/collector/wal/tail"
)

// writer writes a log as upstream's head does.
type writer struct {
	t   require.TestingT
	wal *wlog.WL
	enc record.Encoder
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newWriter(t *testing.T) (w *writer, log *keep.Keeper) {
	t.Helper()
	dir := t.TempDir()
	wal, err := wlog.NewSize(quiet(), nil, filepath.Join(dir, "wal"), 32<<10, compression.None)
	require.NoError(t, err)
	t.Cleanup(func() { _ = wal.Close() })
	log, err = keep.New(keep.Options{WAL: wal.Dir(), Dir: filepath.Join(dir, "kept"), Logger: quiet()})
	require.NoError(t, err)
	return &writer{t: t, wal: wal}, log
}

func (w *writer) series(refs ...int) {
	var all []record.RefSeries
	for _, ref := range refs {
		all = append(all, record.RefSeries{Ref: chunks.HeadSeriesRef(ref), Labels: labels.FromStrings("__name__", fmt.Sprintf("s%d", ref))})
	}
	require.NoError(w.t, w.wal.Log(w.enc.Series(all, nil)))
}

func (w *writer) samples(t int64, refs ...int) {
	var all []record.RefSample
	for _, ref := range refs {
		all = append(all, record.RefSample{Ref: chunks.HeadSeriesRef(ref), T: t, V: float64(ref)})
	}
	require.NoError(w.t, w.wal.Log(w.enc.Samples(all, nil)))
}

func (w *writer) nextSegment() {
	_, err := w.wal.NextSegmentSync()
	require.NoError(w.t, err)
}

// seen is a sink that writes down what it is given.
type seen struct {
	most    int // 0: no limit
	samples []string
	skipped map[tail.Reason]int
}

func (s *seen) Full() bool { return s.most > 0 && len(s.samples) >= s.most }
func (s *seen) Sample(spelling string, v float64, t int64) {
	s.samples = append(s.samples, fmt.Sprintf("%s=%v@%d", spelling, v, t))
}
func (s *seen) Skip(why tail.Reason, n int) {
	if s.skipped == nil {
		s.skipped = map[tail.Reason]int{}
	}
	s.skipped[why] += n
}

const unwanted, unfit = "-", "?"

// newReader selects all series but s666, and cannot write s13.
func newReader(log tail.Log) *tail.Reader[string] {
	return tail.NewReader(tail.Options[string]{Log: log, Logger: quiet(), Needed: func() int { return math.MaxInt }, Unwanted: unwanted, Unfit: unfit, Series: func(l labels.Labels) string {
		switch name := l.Get("__name__"); name {
		case "s666":
			return unwanted
		case "s13":
			return unfit
		default:
			return name
		}
	}})
}

func begin(t *testing.T, log tail.Log, at tail.Position, samples bool) *tail.Reader[string] {
	t.Helper()
	r := newReader(log)
	t.Cleanup(r.Close)
	require.NoError(t, r.Begin(at, samples))
	return r
}

// rest reads to the end.
func rest(t *testing.T, r *tail.Reader[string]) []string {
	t.Helper()
	var s seen
	end, err := r.Read(&s)
	require.NoError(t, err)
	require.True(t, end)
	return s.samples
}

func TestSamplesAreReadWhileTheyAreWritten(t *testing.T) {
	w, log := newWriter(t)
	r := begin(t, log, tail.Position{}, true)
	require.Empty(t, rest(t, r))
	w.series(1, 2, 13, 666)
	w.samples(10, 1, 2)
	require.Equal(t, []string{"s1=1@10", "s2=2@10"}, rest(t, r))
	w.samples(20, 2)
	w.nextSegment()
	w.samples(30, 1, 13, 666)
	s := seen{}
	_, err := r.Read(&s)
	require.NoError(t, err)
	require.Equal(t, []string{"s2=2@20", "s1=1@30"}, s.samples)
	require.Equal(t, map[tail.Reason]int{tail.ReasonUnfit: 1, tail.ReasonUnwanted: 1}, s.skipped)
	require.Equal(t, 2, r.Series())
	at, ok := r.Position()
	require.True(t, ok)
	require.Equal(t, 1, at.Segment)

	w.samples(40, 1)
	require.Equal(t, []string{"s1=1@40"}, rest(t, begin(t, log, at, false)), "another one goes on from there")
	require.Equal(t, []string{"s1=1@40"}, rest(t, r))
	require.NoError(t, r.Again(at))
	require.Equal(t, []string{"s1=1@40"}, rest(t, r))
	require.Zero(t, r.TakeLost())
}

func TestASinkThatIsFullGetsTheRestOfTheRecordLater(t *testing.T) {
	w, log := newWriter(t)
	w.series(1, 2, 3)
	w.samples(10, 1, 2, 3)
	r := begin(t, log, tail.Position{}, true)
	s := seen{most: 2}
	end, err := r.Read(&s)
	require.NoError(t, err)
	require.False(t, end)
	require.Equal(t, []string{"s1=1@10", "s2=2@10"}, s.samples)
	at, ok := r.Position()
	require.True(t, ok)
	require.Equal(t, []string{"s1=1@10", "s2=2@10", "s3=3@10"}, rest(t, begin(t, log, at, false)), "the record is not done")
	require.Equal(t, []string{"s3=3@10"}, rest(t, r))
}

func TestASampleWaitsForItsSeries(t *testing.T) {
	w, log := newWriter(t)
	w.series(1)
	w.samples(10, 1, 2)
	r := begin(t, log, tail.Position{}, true)
	require.Equal(t, []string{"s1=1@10"}, rest(t, r))
	w.samples(20, 1)
	require.Equal(t, []string{"s1=1@20"}, rest(t, r))
	at, ok := r.Position()
	require.True(t, ok)
	require.Equal(t, []string{"s1=1@10", "s1=1@20"}, rest(t, begin(t, log, at, false)), "the position stays in front of the sample that waits")
	w.series(2)
	require.Equal(t, []string{"s2=2@10"}, rest(t, r))
	at, _ = r.Position()
	require.Empty(t, rest(t, begin(t, log, at, false)))
}

func TestSamplesWhoseSeriesNeverComesAreGivenUp(t *testing.T) {
	w, log := newWriter(t)
	w.series(1)
	unknown := make([]int, 1000)
	for i := range unknown {
		unknown[i] = 1000 + i
	}
	for i := range 201 {
		w.samples(int64(i), unknown...)
	}
	w.samples(500, 1)
	r := begin(t, log, tail.Position{}, true)
	s := seen{}
	_, err := r.Read(&s)
	require.NoError(t, err)
	require.Equal(t, []string{"s1=1@500"}, s.samples)
	require.Equal(t, 201_000, s.skipped[tail.ReasonUnknown])
	at, _ := r.Position()
	require.Empty(t, rest(t, begin(t, log, at, false)))
}

// truncate does what upstream's head does when samples up to mint are in blocks.
func (w *writer) truncate(upTo int, mint int64, keepSeries func(chunks.HeadSeriesRef) bool) {
	first, _, err := wlog.Segments(w.wal.Dir())
	require.NoError(w.t, err)
	_, err = wlog.Checkpoint(quiet(), w.wal, first, upTo, keepSeries, mint, false)
	require.NoError(w.t, err)
	require.NoError(w.t, w.wal.Truncate(upTo+1))
	require.NoError(w.t, wlog.DeleteCheckpoints(w.wal.Dir(), upTo))
}

func TestSeriesAreFoundInTheCheckpointWhenTheirSegmentsAreGone(t *testing.T) {
	w, log := newWriter(t)
	w.series(1, 2)
	w.samples(10, 1)
	w.nextSegment()
	w.samples(20, 2)
	w.nextSegment()
	w.series(3)
	w.samples(30, 1, 2, 3)
	w.truncate(1, 20, func(chunks.HeadSeriesRef) bool { return true })
	require.Equal(t, []string{"s1=1@30", "s2=2@30", "s3=3@30"}, rest(t, begin(t, log, tail.Position{Segment: 2}, false)))

	r := begin(t, log, tail.Position{Segment: 2}, true)
	s := seen{most: 1}
	_, err := r.Read(&s)
	require.NoError(t, err)
	require.Equal(t, []string{"s2=2@20"}, s.samples, "with those of the checkpoint")
	_, ok := r.Position()
	require.False(t, ok, "there is no position in a checkpoint")
	require.Equal(t, []string{"s1=1@30", "s2=2@30", "s3=3@30"}, rest(t, r))
	_, ok = r.Position()
	require.True(t, ok)
}

func TestSeriesThatAreGoneAreForgotten(t *testing.T) {
	w, log := newWriter(t)
	for i := range 2000 {
		w.series(i + 1)
	}
	w.samples(10, 1)
	r := begin(t, log, tail.Position{}, true)
	rest(t, r)
	require.Equal(t, 1998, r.Series(), "without s13 and s666")
	w.nextSegment()
	w.series(3000)
	last := 0
	for range 3 {
		w.nextSegment()
		w.samples(20, 1)
	}
	_, last, err := wlog.Segments(w.wal.Dir())
	require.NoError(t, err)
	require.NotEmpty(t, rest(t, r))
	w.truncate(last-2, 20, func(ref chunks.HeadSeriesRef) bool { return ref == 1 })
	w.nextSegment()
	w.samples(40, 1, 3000)
	require.Equal(t, []string{"s1=1@40"}, rest(t, r)[:1])
	require.LessOrEqual(t, r.Series(), 2)
}

func TestATornSegmentIsLeftForTheNext(t *testing.T) {
	w, log := newWriter(t)
	w.series(1)
	w.samples(10, 1)
	r := begin(t, log, tail.Position{}, true)
	require.Len(t, rest(t, r), 1)
	path, _ := log.Segment(0)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write([]byte{1, 0, 200, 1, 2, 3, 4, 5})
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Empty(t, rest(t, r))
	next, err := wlog.NewSize(quiet(), nil, w.wal.Dir(), 32<<10, compression.None) // as after a restart
	require.NoError(t, err)
	w.wal = next
	w.samples(20, 1)
	require.Equal(t, []string{"s1=1@20"}, rest(t, r))
	require.NoError(t, next.Close())
}

func TestABrokenRecordCostsTheRestOfItsSegmentOnly(t *testing.T) {
	w, log := newWriter(t)
	w.series(1)
	w.samples(10, 1)
	path, _ := log.Segment(0)
	info, err := os.Stat(path)
	require.NoError(t, err)
	w.samples(20, 1)
	w.nextSegment()
	w.samples(30, 1)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte{0xff}, info.Size()+10)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	r := begin(t, log, tail.Position{}, true)
	require.Equal(t, []string{"s1=1@10", "s1=1@30"}, rest(t, r))
	require.Equal(t, 1, r.TakeLost())
}

func TestMissingSegmentsAreCounted(t *testing.T) {
	w, log := newWriter(t)
	w.series(1)
	w.samples(10, 1)
	w.nextSegment()
	w.samples(20, 1)
	w.nextSegment()
	w.samples(30, 1)
	path, _ := log.Segment(1)
	require.NoError(t, os.Remove(path))
	r := begin(t, log, tail.Position{}, true)
	require.Equal(t, []string{"s1=1@10", "s1=1@30"}, rest(t, r))
	require.Equal(t, 1, r.TakeLost())
}

func TestNativeHistogramsAreCounted(t *testing.T) {
	w, log := newWriter(t)
	w.series(1, 666)
	h := &histogram.Histogram{Schema: 1, Count: 1, Sum: 2, PositiveSpans: []histogram.Span{{Length: 1}}, PositiveBuckets: []int64{1}}
	rec, _ := w.enc.HistogramSamples([]record.RefHistogramSample{{Ref: 1, T: 10, H: h}, {Ref: 666, T: 10, H: h}}, nil)
	require.NoError(t, w.wal.Log(rec))
	rec, _ = w.enc.FloatHistogramSamples([]record.RefFloatHistogramSample{{Ref: 1, T: 10, FH: h.ToFloat(nil)}}, nil)
	require.NoError(t, w.wal.Log(rec))
	s := seen{}
	_, err := begin(t, log, tail.Position{}, true).Read(&s)
	require.NoError(t, err)
	require.Equal(t, map[tail.Reason]int{tail.ReasonHistogram: 2, tail.ReasonUnwanted: 1}, s.skipped)
}

// TestEveryPositionIsAPlaceToGoOnFrom writes random records, reads them with
// random pauses, and begins again at each position that came up: what comes then
// is what had not been given before, at most with the start of a divided record.
func TestEveryPositionIsAPlaceToGoOnFrom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w, log := newWriter(t)
		w.t = rt
		r := newReader(log)
		defer r.Close()
		require.NoError(rt, r.Begin(tail.Position{}, true))
		type place struct {
			at    tail.Position
			given int
		}
		var places []place
		var all []string
		known := 0
		for i := range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				known++
				w.series(known)
			case 1:
				w.nextSegment()
			case 2, 3:
				if known == 0 {
					continue
				}
				refs := rapid.SliceOfN(rapid.IntRange(1, known), 1, 3000).Draw(rt, "refs")
				w.samples(int64(i), refs...)
			default:
				s := seen{most: rapid.IntRange(0, 4000).Draw(rt, "most")}
				_, err := r.Read(&s)
				require.NoError(rt, err)
				all = append(all, s.samples...)
				at, ok := r.Position()
				require.True(rt, ok)
				places = append(places, place{at, len(all)})
			}
		}
		var s seen
		_, err := r.Read(&s)
		require.NoError(rt, err)
		all = append(all, s.samples...)
		for _, p := range places {
			again := newReader(log)
			require.NoError(rt, again.Begin(p.at, false))
			var s seen
			_, err := again.Read(&s)
			again.Close()
			require.NoError(rt, err)
			require.GreaterOrEqual(rt, len(s.samples), len(all)-p.given)
			require.LessOrEqual(rt, len(s.samples), len(all)-p.given+3000)
			require.True(rt, slices.Equal(all[len(all)-len(s.samples):], s.samples))
		}
	})
}
