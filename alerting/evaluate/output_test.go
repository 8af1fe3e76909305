package evaluate_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"
)

// firing is how many ALERTS series queries see.
func (w *twin) firing() int {
	result, err := w.query(w.t.Context(), "ALERTS", time.Now())
	require.NoError(w.t, err)
	return len(result)
}

func TestAnAlertThatIsOverInTheSameMillisecondEndsItsSeries(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		w := newTwin(c)
		w.rules(`groups: [{name: g, rules: [{alert: High, expr: a > 2 unless on (asset) b > 3, labels: {severity: warning}, annotations: {summary: s}}]}]`)
		w.begin()
		synctest.Wait()
		<-time.After(time.Second)
		at := time.Now().Truncate(time.Millisecond)
		w.store(metric("a", "asset", "W1"), at, 3)
		synctest.Wait()
		require.Equal(t, 1, w.firing())
		w.store(metric("b", "asset", "W1"), at, 4)
		synctest.Wait()
		require.Len(t, c.inbox.take(), 2, "raised, and resolved")
		<-time.After(2 * interval)
		require.Zero(t, w.firing())
	})
}

// failing fails to commit while it is told to.
type failing struct {
	storage.Appendable
	fails *atomic.Bool
}

func (f failing) Appender(ctx context.Context) storage.Appender {
	return failingAppender{f.Appendable.Appender(ctx), f.fails}
}

type failingAppender struct {
	storage.Appender
	fails *atomic.Bool
}

func (f failingAppender) Commit() error {
	if f.fails.Load() {
		return errors.Join(errors.New("no room"), f.Rollback())
	}
	return f.Appender.Commit()
}

func TestSeriesOfAlertsAreEndedOnceTheStoreTakesSamplesAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, c *city) {
		w := newTwin(c)
		w.rules(`groups: [{name: g, rules: [{alert: High, expr: a > 2, labels: {severity: warning}, annotations: {summary: s}}]}]`)
		o := w.options()
		var fails atomic.Bool
		o.Appendable = failing{c.db, &fails}
		o.Watch = w.listen
		w.startWith(o)
		synctest.Wait()
		<-time.After(time.Second)
		w.store(metric("a", "asset", "W1"), time.Now(), 3)
		synctest.Wait()
		require.Equal(t, 1, w.firing())
		fails.Store(true)
		<-time.After(time.Second)
		w.store(metric("a", "asset", "W1"), time.Now(), 1)
		synctest.Wait()
		require.Len(t, c.inbox.take(), 2, "people are told")
		require.Equal(t, 1, w.firing())
		fails.Store(false)
		<-time.After(2 * interval)
		require.Zero(t, w.firing())
	})
}
