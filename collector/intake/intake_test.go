package intake

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slowStore is a store that can be held, and that changes its generation.
type slowStore struct {
	Store
	hold        chan struct{}
	generations []uint64
	mu          sync.Mutex
	appended    int
	synced      []uint64
	failSync    error
}

func (s *slowStore) Append(_ context.Context, b *reading.Batch, _ reading.Speller) (tsdb.Receipt, error) {
	if s.hold != nil {
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := tsdb.Receipt{Samples: b.Samples()}
	if len(s.generations) > 0 {
		r.Generation = s.generations[s.appended%len(s.generations)]
	}
	s.appended++
	return r, nil
}

func (*slowStore) NewestTime() (int64, error) { return 0, nil }

func (s *slowStore) Sync(_ context.Context, g uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.synced = append(s.synced, g)
	return s.failSync
}

func noLag() time.Duration { return 0 }

// lines hands a body to Write in parts of the given number of samples.
func lines(body string, part int) Parse {
	p, pos := new(lineproto.Parser), lineproto.Position{Line: 1}
	return func(b *reading.Batch) bool {
		pos = p.ParseSome(b, []byte(body), pos, part, lineproto.Options{})
		return pos.Offset < len(body)
	}
}

func TestARequestInPartsWaitsForOneSync(t *testing.T) {
	s := &slowStore{}
	set := metrics.NewSet()
	in := New(Options{Store: s, Metrics: set, Lag: noLag})
	res, err := in.Write(t.Context(), Source{Input: "test"}, lines("a v=1\nb v=x\nc v=\"text\"\nd v=4\n", 1), lineproto.Speller{})
	require.NoError(t, err)
	require.Equal(t, 2, res.Samples)
	require.Equal(t, 1, res.Strings)
	require.Equal(t, []Refusal{{Line: 2, Reason: reading.ReasonBadNumber, Detail: res.Refusals[0].Detail}}, res.Refusals)
	require.Equal(t, []uint64{0}, s.synced)
	require.EqualValues(t, 1, set.GetOrCreateCounter(`belfry_refused_total{reason="bad_number"}`).Get())
	require.EqualValues(t, 1, set.GetOrCreateCounter(`belfry_skipped_total{reason="string_field"}`).Get())
}

func TestAStoreThatWasReopenedInTheMiddleAcknowledgesNothing(t *testing.T) {
	in := New(Options{Store: &slowStore{generations: []uint64{1, 2}}, Metrics: metrics.NewSet(), Lag: noLag})
	_, err := in.Write(t.Context(), Source{Input: "test"}, lines("a v=1\nb v=2\n", 1), lineproto.Speller{})
	require.ErrorIs(t, err, tsdb.ErrFailed)
}

func TestAFailedSyncIsTheAnswer(t *testing.T) {
	broken := errors.New("broken")
	in := New(Options{Store: &slowStore{failSync: broken}, Metrics: metrics.NewSet(), Lag: noLag})
	_, err := in.Write(t.Context(), Source{Input: "test"}, lines("a v=1\n", 1), lineproto.Speller{})
	require.ErrorIs(t, err, broken)
}

func TestWritesGiveWayToLateRules(t *testing.T) {
	s := &slowStore{hold: make(chan struct{})}
	var mu sync.Mutex
	lag := time.Duration(0)
	in := New(Options{Store: s, Metrics: metrics.NewSet(), Lag: func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return lag
	}})
	var busy sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) { // as many as there are turns
		busy.Go(func() {
			_, err := in.Write(t.Context(), Source{Input: "test"}, lines("a v=1\n", 1), lineproto.Speller{})
			if err != nil {
				t.Error(err)
			}
		})
	}
	require.Eventually(t, func() bool {
		if in.turns.TryAcquire(1) {
			in.turns.Release(1)
			return false
		}
		return true
	}, time.Minute, time.Millisecond)
	mu.Lock()
	lag = time.Minute
	mu.Unlock()
	_, err := in.Write(t.Context(), Source{Input: "test"}, lines("a v=1\n", 1), lineproto.Speller{})
	require.ErrorIs(t, err, ErrOverload)
	close(s.hold)
	busy.Wait()
}
