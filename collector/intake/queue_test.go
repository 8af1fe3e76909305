package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// startQueue runs a queue until the test ends, or until stop is called.
func startQueue(t *testing.T, in *Intake, bytes int64) (q *Queue, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	q = in.NewQueue("words", bytes)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		q.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	t.Cleanup(stop)
	return q, stop
}

// answers collects what done is called with, in order.
type answers struct {
	mu   sync.Mutex
	list []string
	errs []error
}

func (a *answers) done(name string) func(Result, error) {
	return func(res Result, err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.list = append(a.list, fmt.Sprintf("%s %d/%d", name, res.Samples, res.Refused))
		a.errs = append(a.errs, err)
	}
}

func (a *answers) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.list)
}

func message(body string) *input.Message {
	return &input.Message{Body: []byte(body), Sender: body, Received: time.Now().UnixMilli()}
}

func TestMessagesAreAnsweredInOrderEachWithItsOwnRefusals(t *testing.T) {
	k := &keeper{}
	in := New(Options{Store: openStore(t), Metrics: metrics.NewSet(), Lag: noLag, Quarantine: k, Derive: []Deriver{twice{}}})
	q, _ := startQueue(t, in, 1<<20)
	var a answers
	var want []string
	for i := range 5000 {
		body, outcome := fmt.Sprintf("w%d x%d", i, i), "2/0"
		switch i % 5 {
		case 1:
			body, outcome = fmt.Sprintf("w%d bad", i), "1/1"
		case 2:
			body, outcome = "bad bad panic", "0/3"
		}
		require.NoError(t, q.Submit(t.Context(), message(body), words{}, a.done(body)))
		want = append(want, body+" "+outcome)
	}
	require.Eventually(t, func() bool { return a.count() == 5000 }, 30*time.Second, time.Millisecond)
	require.Equal(t, want, a.list)
	require.Len(t, k.refused, 4000)
	for _, r := range k.refused {
		require.Equal(t, r.Sender, string(r.Raw), "a refusal is brought home to its message")
		if r.Sender != "bad bad panic" {
			require.EqualValues(t, 2, r.Line)
		}
	}
}

// moodyStore is a store that fails for as long as it is told to.
type moodyStore struct {
	Store
	mu           sync.Mutex
	append, sync error
}

func (s *moodyStore) set(appending, syncing error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.append, s.sync = appending, syncing
}

func (s *moodyStore) Append(ctx context.Context, b *reading.Batch, sp reading.Speller) (tsdb.Receipt, error) {
	s.mu.Lock()
	err := s.append
	s.mu.Unlock()
	if err != nil {
		b.Refuse(1, reading.ReasonTooOld, "of an append that failed", nil)
		return tsdb.Receipt{}, err
	}
	return s.Store.Append(ctx, b, sp)
}

func (s *moodyStore) Sync(ctx context.Context, generation uint64) error {
	s.mu.Lock()
	err := s.sync
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Store.Sync(ctx, generation)
}

func TestMessagesWaitForAStoreThatCannotTakeThem(t *testing.T) {
	for name, mood := range map[string][2]error{
		"disk full":   {tsdb.ErrDiskFull, nil},
		"failed sync": {nil, tsdb.ErrFailed},
		"both":        {tsdb.ErrFailed, tsdb.ErrFailed},
	} {
		t.Run(name, func(t *testing.T) {
			s := &moodyStore{Store: openStore(t)}
			s.set(mood[0], mood[1])
			in := New(Options{Store: s, Metrics: metrics.NewSet(), Lag: noLag})
			const room = 100 * (messageBytes + 4)
			q, _ := startQueue(t, in, room)
			var a answers
			for i := range 100 {
				require.NoError(t, q.Submit(t.Context(), message(fmt.Sprintf("w%03d", i)), words{}, a.done("m")))
			}
			// The queue is full now, and holds the sender back.
			short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			require.ErrorIs(t, q.Submit(short, message("more"), words{}, a.done("more")), context.DeadlineExceeded)
			require.Zero(t, a.count())
			s.set(nil, nil)
			require.Eventually(t, func() bool { return a.count() == 100 }, 30*time.Second, time.Millisecond)
			for i := range 100 {
				require.NoError(t, a.errs[i])
				require.Equal(t, "m 1/0", a.list[i])
			}
		})
	}
}

func TestAQueueThatStopsAcknowledgesNothingThatIsNotOnDisk(t *testing.T) {
	s := &moodyStore{Store: openStore(t)}
	s.set(tsdb.ErrDiskFull, nil)
	in := New(Options{Store: s, Metrics: metrics.NewSet(), Lag: noLag})
	q, stop := startQueue(t, in, 1<<20)
	var a answers
	for range 10 {
		require.NoError(t, q.Submit(t.Context(), message("w"), words{}, a.done("m")))
	}
	stop()
	require.Equal(t, 10, a.count(), "everyone is answered")
	for _, err := range a.errs {
		require.True(t, errors.Is(err, ErrStopped) || errors.Is(err, tsdb.ErrDiskFull), err)
	}
}

func BenchmarkQueue(b *testing.B) {
	s, err := tsdb.Open(tsdb.Options{Dir: b.TempDir(), Logger: discard()})
	require.NoError(b, err)
	defer func() { _ = s.Close() }()
	in := New(Options{Store: s, Metrics: metrics.NewSet(), Lag: noLag})
	ctx, cancel := context.WithCancel(context.Background())
	q := in.NewQueue("words", 64<<20)
	var running sync.WaitGroup
	running.Go(func() { q.Run(ctx) })
	bodies := make([]*input.Message, 1000)
	for i := range bodies {
		bodies[i] = message(fmt.Sprintf("w%03d", i))
	}
	var stored sync.WaitGroup
	done := func(_ Result, err error) {
		if err != nil {
			b.Error(err)
		}
		stored.Done()
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		stored.Add(1)
		if err := q.Submit(ctx, bodies[i%len(bodies)], words{}, done); err != nil {
			b.Fatal(err)
		}
	}
	stored.Wait()
	cancel()
	running.Wait()
}
