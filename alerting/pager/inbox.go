package pager

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/provider"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/silence"

	"github.com/belfry-city/belfry/alerting/pager/owed"
)

// settleTime bounds how long a notification waits for the inhibitor.
const settleTime = time.Second

// inbox is upstream's store of alerts, which tells the generation at work of each alert.
type inbox struct {
	*mem.Alerts
	putting sync.RWMutex // read-locked while alerts are put
	stored  atomic.Int64 // alerts so far
	live    atomic.Pointer[generation]
	owed    *owed.Book
}

// Put implements provider.Alerts.
func (b *inbox) Put(ctx context.Context, alerts ...*alert.Alert) error {
	b.putting.RLock()
	defer b.putting.RUnlock()
	return b.Alerts.Put(ctx, alerts...)
}

// received returns how many alerts have been put, when all of them have been handed to who subscribed.
func (b *inbox) received() int64 {
	b.putting.Lock()
	defer b.putting.Unlock()
	return b.stored.Load()
}

// onStore is what upstream's store calls.
type onStore struct {
	*silence.Silencer
	inbox *inbox
}

// PostStore implements mem.AlertStoreCallback.
func (s onStore) PostStore(a *alert.Alert, existing bool) {
	s.Silencer.PostStore(a, existing)
	s.inbox.stored.Add(1)
	s.inbox.owed.Stored(a)
	if g := s.inbox.live.Load(); g != nil {
		g.desk.Stored(a)
	}
}

// inhibitorFeed is the inbox as an inhibitor sees it. It knows how far the inhibitor has come, so that no alert goes
// out because the inhibitor has not yet seen the one that inhibits it.
type inhibitorFeed struct {
	*inbox
	mu     sync.Mutex
	from   int64         // alerts stored before the inhibitor began
	asked  int64         // how often the inhibitor has asked for the next alert
	moved  chan struct{} // closed, and replaced, when it asks
	source provider.AlertIterator
}

func newInhibitorFeed(b *inbox) *inhibitorFeed {
	return &inhibitorFeed{inbox: b, moved: make(chan struct{})}
}

// SlurpAndSubscribe implements provider.Alerts.
func (f *inhibitorFeed) SlurpAndSubscribe(name string) ([]*alert.Alert, provider.AlertIterator) {
	f.putting.Lock()
	defer f.putting.Unlock()
	known, it := f.Alerts.SlurpAndSubscribe(name)
	f.from, f.source = f.stored.Load(), it
	return known, f
}

// Next implements provider.AlertIterator. The inhibitor calls it once for each alert, after it has dealt with the one
// before.
func (f *inhibitorFeed) Next() <-chan *provider.Alert {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	close(f.moved)
	f.moved = make(chan struct{})
	return f.source.Next()
}

// Err implements provider.AlertIterator.
func (f *inhibitorFeed) Err() error { return f.source.Err() }

// Close implements provider.AlertIterator.
func (f *inhibitorFeed) Close() { f.source.Close() }

// settle returns when the inhibitor knows all alerts that have been put.
func (f *inhibitorFeed) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	want := f.received() - f.from
	for {
		f.mu.Lock()
		done, moved := f.asked > want, f.moved
		f.mu.Unlock()
		if done {
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}
