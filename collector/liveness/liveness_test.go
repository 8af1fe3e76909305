package liveness_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/liveness"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// tape keeps what is stored, in the place of a database: its time is that of
// the test, and it can be told to refuse.
type tape struct {
	mu      sync.Mutex
	samples []taped
	refuses error
	// newer is an asset of which somebody else has stored newer samples.
	newer string
}

type taped struct {
	metric, asset string
	t             int64
	v             float64
}

type tapeAppender struct {
	storage.Appender
	tape *tape
	all  []taped
}

func (t *tape) Appender(context.Context) storage.Appender { return &tapeAppender{tape: t} }

func (a *tapeAppender) Append(_ storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	if a.tape.newer != "" && a.tape.newer == l.Get("asset") {
		return 0, storage.ErrOutOfOrderSample
	}
	a.all = append(a.all, taped{l.Get("__name__"), l.Get("asset"), t, v})
	return 0, nil
}

func (a *tapeAppender) Commit() error {
	a.tape.mu.Lock()
	defer a.tape.mu.Unlock()
	if a.tape.refuses != nil {
		return a.tape.refuses
	}
	a.tape.samples = append(a.tape.samples, a.all...)
	return nil
}

func (a *tapeAppender) Rollback() error { return nil }

// of are the samples of a series.
func (t *tape) of(metric, asset string) (all []taped) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.samples {
		if s.metric == metric && s.asset == asset {
			all = append(all, s)
		}
	}
	return all
}

// changes are the samples of device_silent that are other than the one before.
func (t *tape) changes(asset string) (all []taped) {
	for _, s := range t.of(liveness.Silent, asset) {
		if len(all) == 0 || math.Float64bits(all[len(all)-1].v) != math.Float64bits(s.v) {
			all = append(all, s)
		}
	}
	return all
}

// ward is a Liveness with all around it, in virtual time.
type ward struct {
	*liveness.Liveness
	tape    tape
	options liveness.Options
	catalog *catalog.Catalog
	metrics *metrics.Set
	voices  map[string]*[3]tsdb.Voice // of each device, as of some series
	turns   int
	stop    func()
}

func newWard(t *testing.T, change ...func(*liveness.Options)) *ward {
	t.Helper()
	w := &ward{catalog: catalog.Empty()}
	w.options = liveness.Options{
		Store: &w.tape, Catalog: func() *catalog.Catalog { return w.catalog }, File: filepath.Join(t.TempDir(), "data", "devices.jsonl"),
		Factor: 3, Least: 5 * time.Second, Forget: 7 * 24 * time.Hour, Max: 1000, Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&w.options)
	}
	w.start()
	return w
}

func (w *ward) start() {
	w.metrics = metrics.NewSet()
	w.options.Metrics = w.metrics
	w.Liveness, w.voices = liveness.New(w.options), map[string]*[3]tsdb.Voice{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	w.stop = func() {
		cancel()
		<-done
	}
	synctest.Wait()
}

// expect makes a catalog of assets with their intervals, 0 for none.
func (w *ward) expect(t testing.TB, intervals map[string]time.Duration) {
	t.Helper()
	text := "assets:\n"
	for asset, every := range intervals {
		text += fmt.Sprintf("- {id: %s", asset)
		if every > 0 {
			text += fmt.Sprintf(", expected_interval: %g", every.Seconds())
		}
		text += "}\n"
	}
	file := filepath.Join(t.TempDir(), "catalog.yml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	c, err := catalog.Load([]string{file})
	require.NoError(t, err)
	w.catalog = c
	w.Reload()
	synctest.Wait()
}

// hear has the store hear of a device, as it does: a reading of the given age, of one
// series or another.
func (w *ward) hear(asset string, age time.Duration) {
	voices := w.voices[asset]
	if voices == nil {
		voices = &[3]tsdb.Voice{}
		w.voices[asset] = voices
		if p := w.Listen(labels.FromStrings("__name__", "gas_ch4_lel_percent", "asset", asset)); p != nil {
			for i := range voices {
				p.Join(&voices[i])
			}
		}
	}
	w.turns++
	now := time.Now()
	voices[w.turns%len(voices)].Hear(now.Add(-age).UnixMilli(), now.UnixMilli())
	synctest.Wait()
}

func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// inVirtualTime tells a story.
func inVirtualTime(t *testing.T, story func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, story)
}

func TestADeviceIsSilentWhenItsTimeIsUpAndNotBefore(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		w := newWard(t)
		defer func() { w.stop() }()
		w.expect(t, map[string]time.Duration{"W1": 10 * time.Second, "never": time.Minute})
		began := time.Now().UnixMilli()
		for range 20 {
			w.hear("W1", 0)
			wait(7300 * time.Millisecond)
		}
		last := time.Now().Add(-7300 * time.Millisecond).UnixMilli()
		wait(10 * time.Minute)
		changes := w.tape.changes("W1")
		require.Len(t, changes, 2)
		require.Equal(t, taped{liveness.Silent, "W1", last + 30_000, 1}, changes[1])
		require.Equal(t, taped{liveness.Silent, "never", began + 180_000, 1}, w.tape.changes("never")[1], "which the catalog expects")
		require.Empty(t, w.tape.of(liveness.Seen, "never"))

		seen := w.tape.of(liveness.Seen, "W1")
		require.InDelta(t, float64(last)/1000, seen[len(seen)-1].v, 0.0005)
		for i := range seen[1:] {
			require.GreaterOrEqual(t, seen[i+1].t-seen[i].t, int64(60_000), "at most once a minute")
		}
		told := w.tape.of(liveness.Silent, "W1")
		require.LessOrEqual(t, time.Now().UnixMilli()-told[len(told)-1].t, int64(300_000), "again every five minutes")

		w.hear("W1", 0)
		changes = w.tape.changes("W1")
		require.Equal(t, taped{liveness.Silent, "W1", time.Now().UnixMilli(), 0}, changes[2], "at once")
	})
}

func TestWhatIsNoSignOfLife(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		w := newWard(t)
		defer func() { w.stop() }()
		w.expect(t, map[string]time.Duration{"W1": time.Minute, "W2": time.Minute})
		w.hear("W1", 0)
		last := time.Now()
		for range 10 {
			wait(20 * time.Second)
			w.hear("W1", time.Since(last))              // what it said last, again
			w.hear("W1", time.Since(last)+10*time.Hour) // backfilled
			w.hear("W2", 2*time.Hour)                   // of long ago: nobody is warned by it
		}
		require.Len(t, w.tape.changes("W1"), 2)
		require.Len(t, w.tape.changes("W2"), 2)
		w.hear("W1", 10*time.Second) // a little late, but news
		require.Len(t, w.tape.changes("W1"), 3)
		w.hear("W2", -5*time.Minute) // a clock that is fast
		require.Len(t, w.tape.changes("W2"), 3)
		seen := w.tape.of(liveness.Seen, "W2")
		require.Equal(t, float64(time.Now().UnixMilli())/1000, seen[len(seen)-1].v, "not in the future")

		for _, metric := range []string{liveness.Silent, "asset_info", "asset_threshold", "anomaly_score", "ALERTS", "up", "scrape_duration_seconds"} {
			require.Nil(t, w.Listen(labels.FromStrings("__name__", metric, "asset", "W1")), metric)
		}
		require.Nil(t, w.Listen(labels.FromStrings("__name__", "gas_ch4_lel_percent")))
	})
}

func TestADeviceOfNoCatalogIsLearned(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		w := newWard(t)
		defer func() { w.stop() }()
		var camera tsdb.Voice
		w.Listen(labels.FromStrings("__name__", "camera_up", "asset", "C1")).Join(&camera)
		for range 100 {
			w.hear("W1", 0)
			camera.Hear(time.Now().UnixMilli(), time.Now().UnixMilli())
			wait(10 * time.Second)
		}
		require.Len(t, w.tape.changes("W1"), 1)
		last := time.Now().Add(-10 * time.Second).UnixMilli()
		wait(time.Hour)
		require.Equal(t, taped{liveness.Silent, "W1", last + 30_000, 1}, w.tape.changes("W1")[1])
		require.Len(t, w.tape.changes("C1"), 1, "cameras have a watch of their own")
	})
}

func TestARestartMissesWhatFellSilentMeanwhileAndNobodyElse(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		w := newWard(t)
		defer func() { w.stop() }()
		w.expect(t, map[string]time.Duration{"W1": time.Minute, "W2": time.Minute})
		for range 100 {
			for _, asset := range []string{"W1", "W2", "learned", "gone"} {
				w.hear(asset, 0)
			}
			wait(30 * time.Second)
		}
		for range 10 {
			for _, asset := range []string{"W1", "W2", "learned"} {
				w.hear(asset, 0)
			}
			wait(30 * time.Second)
		}
		require.Len(t, w.tape.changes("gone"), 2)

		w.stop()
		wait(8 * time.Hour)
		w.start()
		began := time.Now().UnixMilli()
		w.expect(t, map[string]time.Duration{"W1": time.Minute, "W2": time.Minute})
		for range 10 {
			w.hear("W1", 0)
			wait(30 * time.Second)
		}
		require.Len(t, w.tape.changes("W1"), 1)
		require.Equal(t, taped{liveness.Silent, "W2", began + 180_000, 1}, w.tape.changes("W2")[1])
		require.Equal(t, taped{liveness.Silent, "learned", began + 90_000, 1}, w.tape.changes("learned")[1])
		require.Len(t, w.tape.changes("gone"), 2, "it is silent still")
		told := w.tape.of(liveness.Silent, "gone")
		require.GreaterOrEqual(t, told[len(told)-1].t, began)
		w.hear("gone", 0)
		require.Len(t, w.tape.changes("gone"), 3)
	})
}

func TestTimeInWhichBelfryIsDeafCountsAgainstNobody(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		w := newWard(t)
		defer func() { w.stop() }()
		w.expect(t, map[string]time.Duration{"W1": time.Minute})
		w.hear("W1", 0)
		for range 100 {
			wait(10 * time.Second)
			w.Unheard() // the disk is full
		}
		deaf := time.Now().UnixMilli()
		wait(170 * time.Second)
		require.Len(t, w.tape.changes("W1"), 1)
		wait(20 * time.Second)
		require.Equal(t, taped{liveness.Silent, "W1", deaf + 180_000, 1}, w.tape.changes("W1")[1])
	})
}

func TestWhatCannotBeStoredIsStoredLater(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		w := newWard(t)
		defer func() { w.stop() }()
		w.expect(t, map[string]time.Duration{"W1": time.Minute})
		w.hear("W1", 0)
		w.tape.mu.Lock()
		w.tape.refuses = tsdb.ErrDiskFull
		w.tape.mu.Unlock()
		wait(10 * time.Minute)
		require.Len(t, w.tape.changes("W1"), 1)
		w.tape.mu.Lock()
		w.tape.refuses = nil
		w.tape.mu.Unlock()
		wait(2 * time.Second)
		require.Len(t, w.tape.changes("W1"), 2)

		w.tape.newer = "W2"
		w.hear("W2", 0)
		w.hear("W1", 0)
		wait(time.Second)
		require.Len(t, w.tape.changes("W1"), 3, "which does not wait for another")
	})
}

func TestDevicesThatNobodyMissesAreForgotten(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		w := newWard(t, func(o *liveness.Options) { o.Forget = 3 * time.Hour })
		defer func() { w.stop() }()
		w.expect(t, map[string]time.Duration{"listed": time.Minute, "removed": time.Minute, "other": 0})
		for range 100 {
			for _, asset := range []string{"listed", "removed", "other", "unlisted"} {
				w.hear(asset, 0)
			}
			wait(time.Minute)
		}
		ended := func(asset string) bool {
			last := func(metric string) float64 {
				all := w.tape.of(metric, asset)
				return all[len(all)-1].v
			}
			require.Equal(t, value.IsStaleNaN(last(liveness.Silent)), value.IsStaleNaN(last(liveness.Seen)))
			return value.IsStaleNaN(last(liveness.Silent))
		}
		w.expect(t, map[string]time.Duration{"listed": time.Minute, "other": 0})
		require.True(t, ended("removed"))
		wait(4 * time.Hour)
		require.True(t, ended("unlisted"))
		require.False(t, ended("listed"))
		require.False(t, ended("other"))
		w.hear("unlisted", 0) // and known again when they are back
		require.False(t, ended("unlisted"))
		w.hear("removed", 0)
		require.False(t, ended("removed"))
	})
}

func TestTooManyDevicesAreNotWatched(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		w := newWard(t, func(o *liveness.Options) { o.Max = 3 })
		defer func() { w.stop() }()
		for i := range 10 {
			w.hear(fmt.Sprintf("W%d", i), 0)
		}
		require.Equal(t, uint64(7), w.metrics.GetOrCreateCounter(`belfry_devices_refused_total`).Get())
		require.NotEmpty(t, w.tape.of(liveness.Silent, "W2"))
		require.Empty(t, w.tape.of(liveness.Silent, "W3"))
	})
}

func TestADamagedFileIsNoMisfortune(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		w := newWard(t)
		w.expect(t, map[string]time.Duration{"W1": time.Minute, "W2": time.Minute})
		w.hear("W1", 0)
		w.hear("W2", 0)
		w.stop()
		text, err := os.ReadFile(w.options.File)
		require.NoError(t, err)
		damage := "{\n\x00\n" + `{"asset":"W3","rhythm":{"regular":true}}` + "\n" + `{"asset":"W4","rhythm":{"since":-1,"gaps":[99999999999999999]}}` + "\n"
		require.NoError(t, os.WriteFile(w.options.File, append([]byte(damage), text...), 0o600))
		w.start()
		defer func() { w.stop() }()
		wait(10 * time.Minute)
		require.Len(t, w.tape.changes("W1"), 2)
		require.Len(t, w.tape.changes("W2"), 2)
		require.Empty(t, w.tape.of(liveness.Silent, "W3"))
		require.Empty(t, w.tape.of(liveness.Silent, "W4"))
	})
}
