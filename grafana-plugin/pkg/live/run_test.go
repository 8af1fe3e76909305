package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/query"
)

// busy is a Belfry in which something changes all the time: each answer has a
// number of its own.
type busy struct {
	*httptest.Server
	version, streams atomic.Int64
	refusals         atomic.Int64 // how many more answers are refused
	lastID           atomic.Value
	cut              chan struct{} // ends a stream
	quiet            chan struct{} // if not nil, each lets something change
	closed           atomic.Bool   // the stream is refused
}

func newBusy(t *testing.T) *busy {
	t.Helper()
	b := &busy{cut: make(chan struct{})}
	b.lastID.Store("")
	mux := http.NewServeMux()
	mux.HandleFunc("/api/belfry/v1/hazards", func(w http.ResponseWriter, _ *http.Request) {
		if b.refusals.Add(-1) >= 0 {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"hazards":[{"id":"A","asset":"W%d","status":"open"}]}`, b.version.Load())
	})
	mux.HandleFunc("/api/belfry/v1/stream", func(w http.ResponseWriter, r *http.Request) {
		b.streams.Add(1)
		if b.closed.Load() {
			http.Error(w, "no more streams", http.StatusServiceUnavailable)
			return
		}
		b.lastID.Store(r.Header.Get("Last-Event-ID"))
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case <-r.Context().Done():
				return
			case <-b.cut:
				return
			default:
			}
			if b.quiet != nil {
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-b.quiet:
				}
			}
			if _, err := fmt.Fprintf(w, "id: %d\nevent: opened\ndata: {}\n\n", b.version.Add(1)); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
	})
	b.Server = httptest.NewServer(mux)
	t.Cleanup(b.Close)
	return b
}

// slow is somebody who takes a frame only when asked to.
type slow struct{ frames chan *data.Frame }

var errGone = errors.New("nobody follows any more")

func (s *slow) SendFrame(f *data.Frame, _ data.FrameInclude) error {
	if _, open := <-s.frames; !open {
		return errGone
	}
	s.frames <- f
	return nil
}

// take lets the stream send its next frame.
func (s *slow) take(t *testing.T) *data.Frame {
	t.Helper()
	select {
	case s.frames <- nil:
	case <-time.After(time.Minute):
		t.Fatal("no frame came")
	}
	return <-s.frames
}

func (b *busy) run(t *testing.T, to Sender) (ended chan error) {
	t.Helper()
	c, err := client.New(client.Options{URL: b.URL, HTTP: b.Client()})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	s := Stream{Client: c, Runner: query.New(query.Options{Client: c}), Sender: to,
		Spec: Spec{Query: query.Model{Kind: query.KindHazards, Hazards: query.HazardsPart{Status: query.Filter{"open"}}}}}
	ended = make(chan error, 1)
	go func() {
		ended <- s.Run(ctx)
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		for range ended {
		}
		c.Close()
	})
	return ended
}

func asset(t *testing.T, f *data.Frame) (version int64) {
	t.Helper()
	field, at := f.FieldByName("asset")
	require.NotEqual(t, -1, at)
	_, err := fmt.Sscanf(field.At(0).(string), "W%d", &version)
	require.NoError(t, err)
	return version
}

func TestWhoIsSlowGetsTheNewestOnly(t *testing.T) {
	b := newBusy(t)
	s := &slow{frames: make(chan *data.Frame)}
	ended := b.run(t, s)
	last := int64(-1)
	for range 3 {
		// Thousands of changes go by while nobody takes a frame.
		from := b.version.Load()
		require.Eventually(t, func() bool { return b.version.Load() > from+2000 }, time.Minute, time.Millisecond)
		version := asset(t, s.take(t))
		require.Greater(t, version, last)
		last = version
	}
	from := b.version.Load()
	_ = s.take(t) // asked before, and held
	require.Greater(t, asset(t, s.take(t)), from, "what comes next is of now")
	close(s.frames)
	require.ErrorIs(t, <-ended, errGone)
}

func TestAStreamThatIsCutGoesOnWhereItWas(t *testing.T) {
	b := newBusy(t)
	s := &slow{frames: make(chan *data.Frame)}
	b.run(t, s)
	_ = s.take(t)
	b.cut <- struct{}{}
	require.Eventually(t, func() bool { return b.streams.Load() == 2 }, time.Minute, time.Millisecond)
	require.NotEmpty(t, b.lastID.Load())
	ids := b.version.Load()
	for stale := true; stale; {
		f := s.take(t)
		stale = len(f.Meta.Notices) > 0 || asset(t, f) <= ids
	}
	close(s.frames)
}

func TestNothingComesBeforeTheFirstAnswer(t *testing.T) {
	b := newBusy(t)
	b.refusals.Store(2)
	s := &slow{frames: make(chan *data.Frame)}
	b.run(t, s)
	first := s.take(t)
	require.Negative(t, b.refusals.Load())
	require.Positive(t, asset(t, first))
	close(s.frames)
}

func TestAChangeIsShownAlthoughBelfryRefusedToTellIt(t *testing.T) {
	b := newBusy(t)
	b.quiet = make(chan struct{})
	s := &slow{frames: make(chan *data.Frame)}
	b.run(t, s)
	require.Zero(t, asset(t, s.take(t)))
	b.refusals.Store(2)
	b.quiet <- struct{}{} // and nothing more ever changes
	for range 2 {
		f := s.take(t)
		require.Contains(t, f.Meta.Notices[0].Text, "This is not up to date: Belfry is busy or starting")
		require.Zero(t, asset(t, f))
	}
	f := s.take(t)
	require.EqualValues(t, 1, asset(t, f))
	require.Empty(t, f.Meta.Notices)
	close(s.frames)
}

func TestAPanelWhoseStreamIsRefusedHasItsAnswerAndTheReason(t *testing.T) {
	b := newBusy(t)
	b.closed.Store(true)
	s := &slow{frames: make(chan *data.Frame)}
	b.run(t, s)
	f := s.take(t)
	require.Contains(t, f.Meta.Notices[0].Text, "This does not change live: Belfry is busy or starting: no more streams")
	require.Zero(t, asset(t, f))
	close(s.frames)
}

func TestAPanelThatNeverHasAnAnswerSaysWhy(t *testing.T) {
	b := newBusy(t)
	b.closed.Store(true)
	b.refusals.Store(1_000_000)
	s := &slow{frames: make(chan *data.Frame)}
	b.run(t, s)
	f := s.take(t)
	require.Contains(t, f.Meta.Notices[0].Text, "This does not change live")
	require.LessOrEqual(t, b.refusals.Load(), int64(1_000_000-patience))
	close(s.frames)
}
