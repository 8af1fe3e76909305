package presence_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/camera/presence"
	"github.com/belfry-city/belfry/collector/reading"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watch is a Presence that runs, with a clock and what it has written.
type watch struct {
	*presence.Presence
	mu      sync.Mutex
	now     time.Time
	written []string // the newest state of each camera, as it was written
	fail    error
	failed  int
}

func newWatch(t *testing.T, file string, change ...func(*presence.Options)) (w *watch, stop func()) {
	t.Helper()
	w = &watch{now: time.UnixMilli(1_777_900_000_000)}
	o := presence.Options{
		File:    file,
		Timeout: func(vendor string) (time.Duration, bool) { return time.Minute, vendor == "strict" },
		Listed:  func(asset string) bool { return asset == "LISTED" },
		Write:   w.write, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(), Now: w.clock,
	}
	for _, c := range change {
		c(&o)
	}
	w.Presence = presence.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	var run conc.WaitGroup
	run.Go(func() { w.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		run.Wait()
	})
	t.Cleanup(stop)
	return w, stop
}

func (w *watch) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *watch) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *watch) write(_ context.Context, m *input.Message, d input.Decoder) error {
	var b reading.Batch
	var out reading.Builder
	out.Reset(&b)
	out.Message(nil)
	d.Decode(m, &out)
	out.Done()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		w.failed++
		return w.fail
	}
	for _, line := range spelled(&b) {
		series, _, _ := strings.Cut(line, " ")
		w.written = slices.DeleteFunc(w.written, func(old string) bool { return strings.HasPrefix(old, series+" ") })
		w.written = append(w.written, line)
	}
	slices.Sort(w.written)
	return nil
}

func spelled(b *reading.Batch) (lines []string) {
	for _, p := range b.Points {
		for _, f := range b.Fields[p.First : p.First+p.Count] {
			metric, labels, err := reading.LabelSpeller{}.Spell(b.Bytes(p.Key), b.Bytes(f.Name), nil)
			if err != nil {
				panic(err)
			}
			var pairs []string
			for _, l := range labels {
				pairs = append(pairs, fmt.Sprintf("%s=%s", l.Name, l.Value))
			}
			lines = append(lines, fmt.Sprintf("%s{%s} %v", metric, strings.Join(pairs, ","), f.Value))
		}
	}
	return lines
}

// seen is a sign of life now.
func (w *watch) seen(s presence.Sign) []string {
	var b reading.Batch
	var out reading.Builder
	out.Reset(&b)
	out.Message(nil)
	for _, l := range s.Labels {
		out.Common(l.Name, l.Value)
	}
	s.At = w.clock().UnixMilli()
	w.Seen(&out, s)
	out.Done()
	return spelled(&b)
}

func (w *watch) await(t *testing.T, want ...string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		w.mu.Lock()
		defer w.mu.Unlock()
		require.Equal(c, want, w.written)
	}, 20*time.Second, 10*time.Millisecond)
}

func beat(asset string) presence.Sign {
	return presence.Sign{Asset: asset, Vendor: "hikvision", Heartbeat: true}
}

func TestACameraIsUpWhileItBeatsAndDownWhenItStops(t *testing.T) {
	w, _ := newWatch(t, "")
	s := beat("CAM-1")
	s.Labels = []input.Label{{Name: "asset", Value: "CAM-1"}, {Name: "district", Value: "yuzhong"}}
	require.Equal(t, []string{"camera_up{asset=CAM-1,district=yuzhong} 1"}, w.seen(s))
	w.advance(61 * time.Second)
	w.await(t, "camera_up{asset=CAM-1,district=yuzhong} 0")
	w.seen(s)
	w.advance(61 * time.Second) // the regular write comes first or later, and says the same
	w.await(t, "camera_up{asset=CAM-1,district=yuzhong} 0")
}

func TestAllCamerasAreWrittenRegularly(t *testing.T) {
	w, _ := newWatch(t, "")
	w.seen(beat("CAM-1"))
	w.seen(beat("CAM-2"))
	w.advance(59 * time.Second)
	w.seen(beat("CAM-1"))
	w.seen(beat("CAM-2"))
	w.advance(2 * time.Second)
	w.await(t, "camera_up{asset=CAM-1} 1", "camera_up{asset=CAM-2} 1")
}

func TestACameraThatOnlyReportsEventsIsNotCalledDownUnlessSomeoneSaysSo(t *testing.T) {
	w, _ := newWatch(t, "")
	w.seen(presence.Sign{Asset: "EVENTS-ONLY", Vendor: "hikvision"})
	w.seen(presence.Sign{Asset: "CONFIGURED", Vendor: "strict"})
	w.seen(beat("BEATING"))
	w.advance(2 * time.Minute)
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.Contains(w.written, "camera_up{asset=BEATING} 0")
	}, 20*time.Second, 10*time.Millisecond)
	w.mu.Lock()
	w.written = nil // whatever was written of the time when all had just been seen
	w.mu.Unlock()
	w.advance(2 * time.Minute)
	w.await(t, "camera_up{asset=BEATING} 0", "camera_up{asset=CONFIGURED} 0")
}

func TestCamerasAreRememberedOverARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data", "cameras.json")
	w, stop := newWatch(t, file)
	w.seen(beat("UP"))
	w.seen(beat("DOWN"))
	w.advance(50 * time.Second)
	w.seen(beat("UP"))
	w.advance(20 * time.Second)
	w.await(t, "camera_up{asset=DOWN} 0", "camera_up{asset=UP} 1")
	stop()

	later := w.clock().Add(time.Hour)
	w, stop = newWatch(t, file, func(o *presence.Options) {
		o.Now = func() time.Time { return later }
	})
	w.await(t, "camera_up{asset=DOWN} 0", "camera_up{asset=UP} 1") // nothing could be heard of it meanwhile
	stop()

	w, _ = newWatch(t, file)
	w.advance(90 * time.Second)
	w.await(t, "camera_up{asset=DOWN} 0", "camera_up{asset=UP} 0") // it has had its time
}

func TestABrokenFileIsNoObstacle(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cameras.json")
	for _, text := range []string{"", "nonsense", "[null]", `[{"asset":""}]`, `{"asset":1}`} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		w, stop := newWatch(t, file)
		w.seen(beat("CAM-1"))
		w.advance(61 * time.Second)
		w.await(t, "camera_up{asset=CAM-1} 0")
		stop()
	}
	w, stop := newWatch(t, filepath.Join(file, "below a file"))
	w.seen(beat("CAM-1"))
	w.advance(61 * time.Second)
	w.await(t, "camera_up{asset=CAM-1} 0")
	stop()
}

func TestWhatCouldNotBeStoredIsWrittenAgain(t *testing.T) {
	w, _ := newWatch(t, "")
	w.seen(beat("CAM-1"))
	w.mu.Lock()
	w.fail = errors.New("the disk is full")
	w.mu.Unlock()
	w.advance(61 * time.Second)
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.failed > 0
	}, 20*time.Second, time.Millisecond)
	w.mu.Lock()
	w.fail = nil
	w.mu.Unlock()
	w.await(t, "camera_up{asset=CAM-1} 0")
}

func TestCamerasThatNobodyMissesAreForgotten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cameras.json")
	w, _ := newWatch(t, file)
	w.seen(beat("LISTED"))
	w.seen(beat("GONE"))
	w.seen(beat("OFF"))
	w.SwitchOff("OFF")
	w.SwitchOff("never seen")
	w.advance(8 * 24 * time.Hour)
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "LISTED") && !strings.Contains(string(text), "GONE")
	}, 20*time.Second, 10*time.Millisecond)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotContains(t, string(text), "OFF")
}

func TestASourceTakesItsCamerasAlong(t *testing.T) {
	w, _ := newWatch(t, "")
	for _, name := range []string{"A", "B", "C"} {
		s := beat(name)
		s.Source = map[string]string{"A": "frigate", "B": "frigate"}[name]
		w.seen(s)
	}
	var b reading.Batch
	var out reading.Builder
	out.Reset(&b)
	out.Message(nil)
	w.Lost(&out, presence.Sign{Asset: "B", At: 1})
	w.SourceLost(&out, "frigate", 2)
	w.SourceLost(&out, "", 3)
	out.Done()
	require.Equal(t, []string{"camera_up{asset=B} 0", "camera_up{asset=A} 0"}, spelled(&b))
}

// TestACameraThatWasDownFromTheStartIsDown has one that Belfry has never seen.
func TestACameraThatWasDownFromTheStartIsDown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cameras.json")
	w, stop := newWatch(t, file)
	lose := func(asset string) []string {
		var b reading.Batch
		var out reading.Builder
		out.Reset(&b)
		out.Message(nil)
		w.Lost(&out, presence.Sign{Asset: asset, Vendor: "frigate", Source: "frigate", At: w.clock().UnixMilli()})
		out.Done()
		return spelled(&b)
	}
	require.Equal(t, []string{"camera_up{asset=DEAD} 0"}, lose("DEAD"))
	require.Empty(t, lose("DEAD"), "that is known; it is written once a minute")
	w.advance(2 * time.Minute)
	w.await(t, "camera_up{asset=DEAD} 0")
	w.SwitchOff("DEAD")
	require.True(t, w.IsOff("DEAD"))
	stop()
	w, _ = newWatch(t, file)
	require.True(t, w.IsOff("DEAD"), "over a restart")
	require.Equal(t, []string{"camera_up{asset=DEAD} 0"}, lose("DEAD"))
	require.Equal(t, []string{"camera_up{asset=DEAD} 1"}, w.seen(beat("DEAD")))
}
