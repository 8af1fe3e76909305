package forward

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/belfry-city/belfry/collector/forward/line"
	"github.com/belfry-city/belfry/collector/forward/remote"
)

func TestWhatIsStoredIsSentOnce(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	s.write("gas_ch4_percent", 5000)
	f := s.started("city", g, nil)
	s.waitFor(g, 5000)
	s.write("gas_ch4_percent", 5000)
	s.waitFor(g, 10000)
	require.Eventually(t, func() bool { return s.metric(`sent_samples_total{target="city"}`) == "10000" }, time.Minute, time.Millisecond)
	stop(t, f)
	_, most := g.accepted()
	require.Equal(t, 1, most)
	require.Equal(t, "none", s.metric(`lag_seconds{target="city"}`), "it has gone with the forwarder")
}

func TestACleanRestartSendsNothingAgain(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	f := s.forwarder("city", g, nil)
	f.Start()
	s.write("gas_ch4_percent", 2000)
	stop(t, f)
	s.waitFor(g, 2000) // stopping sends what is left
	before := g.count()
	for range 3 {
		s.restart()
		f := s.forwarder("city", g, nil)
		f.Start()
		stop(t, f)
		f = s.started("city", g, nil)
		require.Eventually(t, func() bool {
			return s.metric(`series{target="city"}`) == "50" && s.metric(`lag_bytes{target="city"}`) == "0"
		}, time.Minute, time.Millisecond)
		stop(t, f)
	}
	require.Equal(t, before, g.count())
	s.write("gas_ch4_percent", 10)
	f = s.started("city", g, nil)
	s.waitFor(g, 2010)
	stop(t, f)
	_, most := g.accepted()
	require.Equal(t, 1, most)
}

func TestACrashSendsTheSameAgain(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	f := s.started("city", g, nil)
	s.write("gas_ch4_percent", 2000)
	s.waitFor(g, 2000)
	require.Eventually(t, func() bool {
		c, err := readCursor(f.opts.Dir)
		return err == nil && c != nil && c.Acked.Position != c.Settled.Position
	}, time.Minute, 10*time.Millisecond)
	s.crash(f)
	s.restart()
	s.write("gas_ch4_percent", 100)
	s.started("city", g, nil)
	s.waitFor(g, 2100)
	_, most := g.accepted()
	require.Equal(t, 2, most, "what was not sure to be on the target's disk is sent again, and is the same")
}

func TestOnlyWhatIsSelectedIsSentWithItsLabels(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	app := s.store.Appender(t.Context())
	for _, l := range []labels.Labels{
		labels.FromStrings("__name__", "gas_ch4_percent", "asset", "w1", "secret", "x"),
		labels.FromStrings("__name__", "gas_co_ppm", "asset", "w1", "site", "own"),
		labels.FromStrings("__name__", "well_level_m", "asset", "w1"),
		labels.FromStrings("__name__", "well_level_m", "asset", "w2"),
	} {
		_, err := app.Append(0, l, 1000+time.Now().UnixMilli()/1e6*1e6, 1.5)
		require.NoError(t, err)
	}
	require.NoError(t, app.Commit())
	at := 1000 + time.Now().UnixMilli()/1e6*1e6
	s.started("city", g, func(o *Options) {
		o.Filter = matchers(t, `{__name__=~"gas_.*"}`, `well_level_m{asset="w2"}`)
		o.Labels = labels.FromStrings("site", "north 1", "district", "yuzhong")
		o.DropLabels = []string{"secret"}
	})
	s.waitFor(g, 3)
	lines, _ := g.accepted()
	require.Equal(t, []string{
		fmt.Sprintf(`gas_ch4,asset=w1,district=yuzhong,site=north\ 1 percent=1.5 %d`, at),
		fmt.Sprintf(`gas_co,asset=w1,district=yuzhong,site=own ppm=1.5 %d`, at),
		fmt.Sprintf(`well_level,asset=w2,district=yuzhong,site=north\ 1 m=1.5 %d`, at),
	}, lines)
	require.Eventually(t, func() bool { return s.metric(`unselected_samples_total{target="city"}`) == "1" }, time.Minute, time.Millisecond)
	require.Equal(t, "3", s.metric(`series{target="city"}`))
}

func TestWhatLineProtocolCannotCarryIsCounted(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	app := s.store.Appender(t.Context())
	at := time.Now().UnixMilli()
	for name, v := range map[string]float64{
		"a_nan": math.NaN(), "a_stale": math.Float64frombits(value.StaleNaN), "a_inf": math.Inf(1), "a_one": 1, "two\nlines": 1,
	} {
		_, err := app.Append(0, labels.FromStrings("__name__", name), at, v)
		require.NoError(t, err)
	}
	_, err := app.AppendHistogram(0, labels.FromStrings("__name__", "a_histogram"), at, &histogram.Histogram{
		Schema: 1, Count: 1, Sum: 2, PositiveSpans: []histogram.Span{{Length: 1}}, PositiveBuckets: []int64{1},
	}, nil)
	require.NoError(t, err)
	require.NoError(t, app.Commit())
	s.started("vm", g, nil)
	s.started("influx", g, func(o *Options) { o.Target.Type = remote.InfluxDB1 })
	for target, notFinite := range map[string]string{"vm": "2", "influx": "3"} {
		require.Eventually(t, func() bool {
			return s.metric(fmt.Sprintf(`dropped_samples_total{target=%q,reason="histogram"}`, target)) == "1"
		}, time.Minute, time.Millisecond)
		require.Equal(t, notFinite, s.metric(fmt.Sprintf(`dropped_samples_total{target=%q,reason="not_finite"}`, target)))
		require.Equal(t, "1", s.metric(fmt.Sprintf(`dropped_samples_total{target=%q,reason="name"}`, target)))
	}
	lines, _ := g.accepted()
	require.Equal(t, []string{fmt.Sprintf("a inf=+Inf %d", at), fmt.Sprintf("a one=1 %d", at)}, lines)
}

func TestATargetThatIsAwayIsWaitedFor(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	g.do(func() { g.answer = func([]string) int { return 503 } })
	f := s.started("city", g, nil)
	s.write("gas_ch4_percent", 20_000)
	require.Eventually(t, func() bool { return g.count() > 4 && s.metric(`up{target="city"}`) == "0" }, time.Minute, time.Millisecond)
	require.Equal(t, 1, s.logged("overloaded or ill"), "people are told once")
	require.Eventually(t, func() bool {
		return s.metric(`lag_bytes{target="city"}`) > "1" && s.metric(`lag_seconds{target="city"}`) != "0"
	}, time.Minute, 10*time.Millisecond)
	stop(t, f) // at once: nobody waits for it
	f = s.started("city", g, nil)
	s.write("gas_ch4_percent", 1000)
	require.Eventually(t, func() bool { return s.logged("overloaded or ill") == 2 }, time.Minute, time.Millisecond)
	g.do(func() { g.answer = nil })
	s.waitFor(g, 21_000)
	require.Eventually(t, func() bool { return s.logged("takes samples again") > 0 }, time.Minute, time.Millisecond)
	stop(t, f)
	_, most := g.accepted()
	require.Equal(t, 1, most)
}

func TestATargetSaysWhenToComeBack(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	var first, second atomic.Int64
	g.do(func() {
		g.header = http.Header{"Retry-After": {"2"}}
		g.answer = func([]string) int {
			if first.CompareAndSwap(0, time.Now().UnixNano()) {
				return 429
			}
			second.CompareAndSwap(0, time.Now().UnixNano())
			return 204
		}
	})
	s.write("gas_ch4_percent", 10)
	s.started("city", g, nil)
	s.waitFor(g, 10)
	require.GreaterOrEqual(t, second.Load()-first.Load(), 2*time.Second.Nanoseconds())
}

func TestPoisonousSamplesAreLeftOutAndNoOthers(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	g.do(func() {
		g.message = "field type conflict"
		g.answer = func(lines []string) int {
			if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "poison") }) {
				return 400
			}
			return 204
		}
	})
	s.write("gas_ch4_percent", 950)
	s.write("poison_x", 3)
	s.write("gas_ch4_percent", 500)
	s.write("poison_x", 1)
	s.write("gas_ch4_percent", 50)
	f := s.started("city", g, func(o *Options) { o.Connections = 1 })
	s.waitFor(g, 1500)
	stop(t, f)
	require.Equal(t, "4", s.metric(`dropped_samples_total{target="city",reason="refused"}`))
	require.Equal(t, 1, s.logged("field type conflict"), "with an example, once a minute")
	require.Positive(t, s.logged("such_as=\"poison"))
}

func TestInfluxDBSaysHowManyPointsItHasLeftOut(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	g.do(func() {
		g.message = `{"code":"unprocessable entity","message":"failure writing points to database: partial write: field type conflict dropped=2"}`
		g.header = http.Header{"Content-Type": {"application/json"}, "X-Influxdb-Version": {"v2.7.1"}, "X-Influxdb-Build": {"OSS"}}
		g.answer = func([]string) int { return 422 }
	})
	s.write("gas_ch4_percent", 100)
	f := s.started("city", g, func(o *Options) { o.Target.Type = remote.InfluxDB2 })
	require.Eventually(t, func() bool { return s.metric(`sent_samples_total{target="city"}`) == "98" }, time.Minute, time.Millisecond)
	require.Equal(t, "2", s.metric(`dropped_samples_total{target="city",reason="refused"}`))
	require.Equal(t, 2, g.count(), "one to ask for the dialect")
	stop(t, f)
}

func TestTooLargeBatchesAreDivided(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	g.do(func() {
		g.answer = func(lines []string) int {
			if len(lines) > 30 {
				return 413
			}
			return 204
		}
	})
	s.write("gas_ch4_percent", 2000)
	s.started("city", g, nil)
	s.waitFor(g, 2000)
	require.Equal(t, "0", s.metric(`dropped_samples_total{target="city",reason="too_large"}`))
}

// TestNothingIsDroppedWhileTheAddressIsWrong has a target that answers everything
// with 400, 401 or 404 until somebody looks.
func TestNothingIsDroppedWhileTheAddressIsWrong(t *testing.T) {
	for _, status := range []int{400, 401, 404, 301} {
		s, g := newStand(t), newTarget(t)
		g.do(func() { g.answer = func([]string) int { return status } })
		s.write("gas_ch4_percent", 300)
		s.started("city", g, nil)
		require.Eventually(t, func() bool { return s.logged("level=ERROR") > 0 }, time.Minute, time.Millisecond)
		g.do(func() { g.answer = nil })
		s.waitFor(g, 300)
		require.Equal(t, "0", s.metric(`dropped_samples_total{target="city",reason="refused"}`))
	}
}

func TestTwoTargetsHaveNothingToDoWithEachOther(t *testing.T) {
	s, well, ill := newStand(t), newTarget(t), newTarget(t)
	ill.do(func() { ill.answer = func([]string) int { return 500 } })
	s.started("ill", ill, nil)
	s.started("well", well, nil)
	s.write("gas_ch4_percent", 1000)
	s.waitFor(well, 1000)
	ill.do(func() { ill.answer = nil })
	s.waitFor(ill, 1000)
}

// TestTheLogIsKeptForATargetThatIsAwayForLong has upstream truncate the log while
// the target is away.
func TestTheLogIsKeptForATargetThatIsAwayForLong(t *testing.T) {
	for _, buffer := range []int64{1 << 30, 0} {
		s, g := newStand(t), newTarget(t)
		g.do(func() { g.answer = func([]string) int { return 503 } })
		f := s.started("city", g, func(o *Options) { o.Buffer = buffer })
		f, written := writeHours(s, g, f)
		require.NoError(t, s.store.Maintain(t.Context()))
		_, err := os.Stat(filepath.Join(s.store.LogDir(), "00000000"))
		require.ErrorIs(t, err, os.ErrNotExist, "upstream should have truncated its log")
		if buffer == 0 {
			require.Eventually(t, func() bool { return s.metric(`lost_segments_total{target="city"}`) > "0" }, time.Minute, 10*time.Millisecond)
			require.Positive(t, s.logged("away for too long"))
		} else {
			require.Eventually(t, func() bool { return s.metric(`kept_bytes{target="city"}`) > "0" }, time.Minute, 10*time.Millisecond)
		}
		g.do(func() { g.answer = nil })
		if buffer == 0 {
			require.Eventually(t, func() bool { return s.metric(`lag_bytes{target="city"}`) == "0" }, time.Minute, 10*time.Millisecond)
			lines, _ := g.accepted()
			require.NotEmpty(t, lines)
			require.Less(t, len(lines), written)
			continue
		}
		s.waitFor(g, written)
		stop(t, f)
		require.Equal(t, "0", s.metric(`lost_segments_total{target="city"}`))
	}
}

// writeHours writes twenty hours in several segments, each of which the forwarder
// sees. It returns the one that runs in the end.
func writeHours(s *stand, g *target, f *Forwarder) (_ *Forwarder, written int) {
	s.t.Helper()
	base := time.Now().Add(-20 * time.Hour).UnixMilli()
	for hour := range 20 {
		app := s.store.Appender(context.Background())
		for i := range 100 {
			name := fmt.Sprintf("gas_%d_percent", hour%7)
			_, err := app.Append(0, labels.FromStrings("__name__", name, "asset", fmt.Sprint(i)), base+int64(hour)*3600_000, float64(hour))
			require.NoError(s.t, err)
			written++
		}
		require.NoError(s.t, app.Commit())
		if hour%3 == 2 { // a start begins a segment
			buffer := f.opts.Buffer
			stop(s.t, f)
			s.restart()
			f = s.started("city", g, func(o *Options) { o.Buffer = buffer })
			_, last, err := wlog.Segments(s.store.LogDir())
			require.NoError(s.t, err)
			require.Eventually(s.t, func() bool {
				_, err := os.Stat(wlog.SegmentName(filepath.Join(f.opts.Dir, keptLog), last))
				return err == nil
			}, time.Minute, time.Millisecond)
		}
	}
	return f, written
}

func TestAForwarderThatWasAwayItselfSaysWhatItHasMissed(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	f := s.started("city", g, nil)
	s.write("gas_ch4_percent", 10)
	s.waitFor(g, 10)
	stop(t, f)
	c, err := readCursor(f.opts.Dir)
	require.NoError(t, err)
	for range 3 {
		s.restart()
	}
	require.NoError(t, Forget(f.opts.Dir))
	for i := range 2 {
		require.NoError(t, os.Remove(filepath.Join(s.store.LogDir(), fmt.Sprintf("%08d", i))))
	}
	require.Zero(t, c.Acked.Segment)
	s.write("gas_co_ppm", 10)
	s.started("city", g, nil)
	s.waitFor(g, 20)
	require.Equal(t, "2", s.metric(`lost_segments_total{target="city"}`))
	require.Equal(t, 1, s.logged("parts of the log are missing"))
}

func TestAnotherLogIsSentFromItsBeginning(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	f := s.started("city", g, nil)
	s.write("gas_ch4_percent", 1000)
	s.waitFor(g, 1000)
	stop(t, f)
	require.NoError(t, s.store.Close())
	require.NoError(t, os.RemoveAll(s.dir+"/tsdb"))
	s.open()
	s.write("gas_co_ppm", 1000)
	f = s.started("city", g, nil)
	s.waitFor(g, 2000)
	stop(t, f)

	require.NoError(t, os.WriteFile(filepath.Join(f.opts.Dir, cursorFile), []byte("{"), 0o666))
	s.started("city", g, nil)
	require.Eventually(t, func() bool { _, most := g.accepted(); return most == 2 }, time.Minute, time.Millisecond, "a damaged cursor is as good as none")
}

// TestAFailedWriteDoesNotStopForwarding has a sync fail, after which the store
// reopens itself.
func TestAFailedWriteDoesNotStopForwarding(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	var fail atomic.Bool
	require.NoError(t, s.store.Close())
	s.options.SyncFile = func(f *os.File) error {
		if fail.Load() {
			return errors.New("no luck")
		}
		return unix.Fdatasync(int(f.Fd()))
	}
	s.open()
	s.started("city", g, nil)
	s.write("gas_ch4_percent", 100)
	s.waitFor(g, 100)
	fail.Store(true)
	s.write("gas_ch4_percent", 100)
	require.Eventually(t, s.store.Failed, time.Minute, time.Millisecond, "the forwarder asks for a sync before it sends")
	require.Never(t, func() bool { lines, _ := g.accepted(); return len(lines) > 100 }, 300*time.Millisecond, 10*time.Millisecond)
	fail.Store(false)
	require.Eventually(t, func() bool { return !s.store.Failed() }, time.Minute, time.Millisecond)
	s.write("gas_ch4_percent", 100)
	s.waitFor(g, 300)
}

func TestWhatADeadTargetAcceptedLastIsSentAgain(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	f := s.started("city", g, func(o *Options) { o.Dialect = line.InfluxDB })
	s.write("gas_ch4_percent", 1000)
	s.waitFor(g, 1000)
	addr := g.Listener.Addr().String()
	g.CloseClientConnections()
	g.Close() // and has forgotten what it had accepted
	g.do(func() { clear(g.lines) })
	require.Eventually(t, func() bool { return s.metric(`rewinds_total{target="city"}`) == "1" }, time.Minute, time.Millisecond)
	s.write("gas_ch4_percent", 1000)
	again := listenAt(t, addr, g)
	defer again.Close()
	s.waitFor(g, 2000)
	stop(t, f)
	require.Equal(t, "1", s.metric(`rewinds_total{target="city"}`))
}
