package valuefeed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/storage"
	"github.com/sourcegraph/conc"
	"golang.org/x/sync/semaphore"
)

const (
	// LeastEvery is how often there are values at most.
	LeastEvery = 200 * time.Millisecond
	// MostEvery is how seldom they may be asked for.
	MostEvery = time.Minute
	// MostSeries bounds the series of a follower, and mostAll those of all together.
	MostSeries = 10_000
	mostAll    = 250_000
	// share is the part of the time that looks at one selector may take, as a divisor.
	share = 10
	// upkeep is how often is looked for series that have ended, while nothing is stored.
	upkeep = 15 * time.Second
	// gather is how long after a commit is waited for more.
	gather = 20 * time.Millisecond
	// looks is how many selectors are looked at at once.
	looks = 2
)

// Store has the series. tsdb.Store is one.
type Store interface {
	storage.ChunkQueryable
	// Visible has a value when there may be samples that were not there when one was
	// taken.
	Visible() <-chan struct{}
}

// Options of a Feed; all are required.
type Options struct {
	Store Store
	// Lookback is how old a newest value may be.
	Lookback time.Duration
	Metrics  *metrics.Set
	Logger   *slog.Logger
}

// ErrEnded says that a Feed has been closed.
var ErrEnded = errors.New("there are no values any more: Belfry is stopping")

// TooManyError says that selectors find more series than one may follow.
type TooManyError struct {
	Series int
	// More says that there are even more.
	More bool
	// All says that it is not this follower's series that are too many, but those of
	// all together.
	All bool
}

func (e TooManyError) Error() string {
	more := ""
	if e.More {
		more = "more than "
	}
	if e.All {
		return fmt.Sprintf("streams follow %d series already, and this one would follow %s%d more; at most %d are possible", mostAll-e.Series, more, e.Series, mostAll)
	}
	return fmt.Sprintf("the selectors find %s%d series; want at most %d: select fewer", more, e.Series, MostSeries)
}

// Feed is safe for concurrent use.
type Feed struct {
	opts  Options
	ctx   context.Context
	end   context.CancelFunc
	work  conc.WaitGroup
	looks *semaphore.Weighted
	took  *metrics.PrometheusHistogram

	mu      sync.Mutex
	ended   bool
	views   map[string]*view
	series  int
	visible chan struct{} // closed when something may have changed
	wanted  chan struct{} // has a value when there is somebody who minds
}

// New is a Feed that nobody follows. It is to be closed.
func New(o Options) (*Feed, error) {
	if o.Store == nil || o.Metrics == nil || o.Logger == nil || o.Lookback <= 0 {
		return nil, errors.New("valuefeed: all Options are required")
	}
	f := &Feed{
		opts: o, looks: semaphore.NewWeighted(looks), views: map[string]*view{}, visible: make(chan struct{}), wanted: make(chan struct{}, 1),
		took: o.Metrics.NewPrometheusHistogramExt(`belfry_stream_values_look_seconds`, []float64{0.0001, 0.001, 0.01, 0.025, 0.1, 0.25, 1, 5}),
	}
	f.ctx, f.end = context.WithCancel(context.Background())
	o.Metrics.NewGauge(`belfry_stream_values_series`, func() float64 {
		f.mu.Lock()
		defer f.mu.Unlock()
		return float64(f.series)
	})
	f.work.Go(f.listen)
	return f, nil
}

// Close ends it; followers get nothing any more.
func (f *Feed) Close() error {
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	f.end()
	f.work.Wait()
	return nil
}

// listen tells views of commits, as long as there are any.
func (f *Feed) listen() {
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		if !f.hasViews() {
			select {
			case <-f.ctx.Done():
				return
			case <-f.wanted:
			}
			continue
		}
		select {
		case <-f.ctx.Done():
			return
		case <-f.opts.Store.Visible():
		}
		wait.Reset(gather)
		select {
		case <-f.ctx.Done():
			return
		case <-wait.C:
		}
		f.mu.Lock()
		close(f.visible)
		f.visible = make(chan struct{})
		f.mu.Unlock()
	}
}

func (f *Feed) hasViews() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.views) > 0
}

// changed is closed when something may have changed since it was asked for.
func (f *Feed) changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.visible
}

// Follow begins to follow selectors, at most once in every. The first look is over
// when it returns. The Follower is to be closed.
func (f *Feed) Follow(ctx context.Context, s Selectors, every time.Duration) (*Follower, error) {
	v, err := f.view(s, every)
	if err != nil {
		return nil, err
	}
	follower := &Follower{view: v, every: bounded(every)}
	select {
	case <-ctx.Done():
		follower.Close()
		return nil, ctx.Err()
	case <-f.ctx.Done():
		follower.Close()
		return nil, ErrEnded
	case <-v.ready:
	}
	if v.failed != nil {
		follower.Close()
		return nil, v.failed
	}
	return follower, nil
}

func bounded(every time.Duration) time.Duration { return min(max(every, LeastEvery), MostEvery) }

// view is that of the selectors, which is made where nobody follows them yet.
func (f *Feed) view(s Selectors, every time.Duration) (*view, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return nil, ErrEnded
	}
	v := f.views[s.key]
	if v == nil {
		v = newView(f, s)
		f.views[s.key] = v
		f.work.Go(v.run)
		select {
		case f.wanted <- struct{}{}:
		default:
		}
	}
	v.join(bounded(every))
	return v, nil
}

// leave gives a follower's part of a view back, and ends the view with the last.
func (f *Feed) leave(v *view, every time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if v.part(every) {
		return
	}
	f.drop(v)
	v.end()
}

// drop takes a view away, so that the next who wants it begins anew. mu is held.
func (f *Feed) drop(v *view) {
	if f.views[v.selectors.key] == v {
		delete(f.views, v.selectors.key)
	}
	f.series -= v.counted
	v.counted = 0
}

// count notes how many series a view has, and refuses too many.
func (f *Feed) count(v *view, series int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if more := series - v.counted; more > 0 && f.series+more > mostAll {
		return TooManyError{Series: mostAll - f.series, All: true}
	}
	if f.views[v.selectors.key] == v {
		f.series += series - v.counted
		v.counted = series
	}
	return nil
}
