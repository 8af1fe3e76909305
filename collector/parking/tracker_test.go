package parking

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// city is a tracker with a store and a clock of its own. Times of a test are in
// seconds since its noon.
type city struct {
	t     *testing.T
	dir   string
	store *tsdb.Store
	*Tracker

	noon time.Time
	now  time.Time
	opts Options
}

func newCity(t *testing.T, opts Options) *city {
	noon := time.Now().Add(-time.Hour).Truncate(time.Minute)
	c := &city{t: t, dir: t.TempDir(), noon: noon, now: noon, opts: opts}
	c.open()
	t.Cleanup(func() { require.NoError(t, c.store.Close()) })
	return c
}

func (c *city) open() {
	s, err := tsdb.Open(tsdb.Options{Dir: c.dir, Logger: slog.New(slog.DiscardHandler), Late: 100 * 24 * time.Hour, Now: func() time.Time { return c.now }})
	require.NoError(c.t, err)
	c.store = s
	o := c.opts
	o.Store, o.Metrics, o.Logger, o.Now = s, metrics.NewSet(), slog.New(slog.DiscardHandler), func() time.Time { return c.now }
	c.Tracker = New(o)
	require.NoError(c.t, c.Restore(c.t.Context()))
}

// restart ends a life and begins the next one.
func (c *city) restart() {
	require.NoError(c.t, c.store.Close())
	c.open()
}

// said is one reading: of a bay and source, at a second, 1 or 0.
type said struct {
	bay, source string
	at          float64
	taken       float64
}

func (c *city) ms(at float64) int64 { return c.noon.UnixMilli() + int64(at*1000) }

// hear derives and stores, and shows what was derived.
func (c *city) hear(readings ...said) []string {
	var b reading.Batch
	var w reading.Builder
	w.Reset(&b)
	for _, r := range readings {
		w.Begin(c.ms(r.at))
		w.Label("asset", r.bay)
		w.Label("source", r.source)
		w.AnyValue(bayOccupied, r.taken)
	}
	w.Done()
	n := len(b.Points)
	c.Derive(&b, &w)
	w.Done()
	shown := c.shown(&b, n)
	_, err := c.store.Append(c.t.Context(), &b, reading.LabelSpeller{})
	require.NoError(c.t, err)
	require.Empty(c.t, b.Refusals)
	return shown
}

func (c *city) shown(b *reading.Batch, from int) (lines []string) {
	for _, p := range b.Points[from:] {
		for _, f := range b.Fields[p.First : p.First+p.Count] {
			metric, ls, err := reading.LabelSpeller{}.Spell(b.Bytes(p.Key), b.Bytes(f.Name), nil)
			require.NoError(c.t, err)
			var pairs []string
			for _, l := range ls {
				pairs = append(pairs, string(l.Value))
			}
			v := fmt.Sprint(f.Value)
			switch {
			case value.IsStaleNaN(f.Value):
				v = "ends"
			case string(metric) == baySince:
				v = fmt.Sprintf("%gs", f.Value-float64(c.noon.UnixMilli())/1000)
			}
			name := strings.TrimSuffix(strings.TrimPrefix(string(metric), "parking_"), "_timestamp_seconds")
			lines = append(lines, fmt.Sprintf("%s{%s} %s @%g", name, strings.Join(pairs, " "), v, float64(p.Time-c.noon.UnixMilli())/1000))
		}
	}
	return lines
}

// tick lets the clock go to a second, and does what is due then.
func (c *city) tick(at float64) {
	c.now = time.UnixMilli(c.ms(at))
	require.NoError(c.t, c.once(c.t.Context()))
}

// query is an instant query's values by asset and source.
func (c *city) query(expr string) map[string]float64 {
	c.t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e7, Timeout: time.Minute, LookbackDelta: 5 * time.Minute})
	q, err := engine.NewInstantQuery(c.t.Context(), c.store, nil, expr, c.now)
	require.NoError(c.t, err)
	defer q.Close()
	res := q.Exec(c.t.Context())
	require.NoError(c.t, res.Err)
	v, err := res.Vector()
	require.NoError(c.t, err)
	got := map[string]float64{}
	for _, s := range v {
		got[strings.TrimSpace(s.Metric.Get("asset")+" "+s.Metric.Get("source"))] = s.F
	}
	return got
}

const geo = "geomagnetic"

func TestAStayIsTimedFromItsFirstReadingToItsLast(t *testing.T) {
	c := newCity(t, Options{})
	require.Equal(t, []string{"bay_stays_total{B1 geomagnetic} 0 @0"}, c.hear(said{"B1", geo, 0, 0}))
	require.Empty(t, c.hear(said{"B1", geo, 5, 0}))
	require.Equal(t, []string{"bay_occupied_since{B1 geomagnetic} 10s @10"}, c.hear(said{"B1", geo, 10, 1}))
	require.Empty(t, c.hear(said{"B1", geo, 20, 1}))
	for at := 60.0; at <= 600; at += 60 {
		c.tick(at)
	}
	since := float64(c.ms(10)) / 1000
	require.Equal(t, map[string]float64{"B1 geomagnetic": since}, c.query(baySince), "seen ten minutes later")
	require.Equal(t, []string{
		"bay_occupied_since{B1 geomagnetic} ends @611",
		"stay_seconds{B1 geomagnetic} 601 @611",
		"bay_stays_total{B1 geomagnetic} 1 @611",
	}, c.hear(said{"B1", geo, 611, 0}))
	c.tick(620)
	require.Empty(t, c.query(baySince), "the marker ends it at once")
	require.Equal(t, map[string]float64{"B1 geomagnetic": 601}, c.query(staySeconds))
	require.Equal(t, map[string]float64{"B1 geomagnetic": 1}, c.query(bayStays))
}

// The refresh has written a sample later than the reading that ends the series.
func TestABayThatWasFreedShortlyBeforeARefreshIsNotShownAsTaken(t *testing.T) {
	c := newCity(t, Options{})
	c.hear(said{"B1", geo, 0, 1})
	c.tick(60)
	require.Equal(t, []string{
		"bay_occupied_since{B1 geomagnetic} ends @60.001",
		"stay_seconds{B1 geomagnetic} 58 @58",
		"bay_stays_total{B1 geomagnetic} 1 @60.001",
	}, c.hear(said{"B1", geo, 58, 0}))
	c.tick(61)
	require.Empty(t, c.query(baySince))
	require.Equal(t, []string{"bay_occupied_since{B1 geomagnetic} 59s @60.002"}, c.hear(said{"B1", geo, 59, 1}))
	require.Len(t, c.query(baySince), 1)
}

func TestASenderThatRepeatsGetsTheSameDerivedAgain(t *testing.T) {
	c := newCity(t, Options{})
	all := []said{{"B1", geo, 0, 0}, {"B1", geo, 10, 1}, {"B2", geo, 11, 1}, {"B1", geo, 20, 0}, {"B1", geo, 30, 1}, {"B2", geo, 31, 0}, {"B1", geo, 40, 0}}
	first := c.hear(all...)
	require.Len(t, first, 14)
	require.Equal(t, first, c.hear(all...))
	for i, r := range all {
		require.Subset(t, first, c.hear(r), "reading %d alone", i)
	}
	require.Equal(t, first, c.hear(all...))
	require.Equal(t, []string{
		"bay_occupied_since{B1 geomagnetic} 50s @50",
	}, c.hear(said{"B1", geo, 50, 1}), "repeating has changed nothing")
}

func TestLateReadingsOnesOfAnotherValueAndNoNumbersChangeNothing(t *testing.T) {
	c := newCity(t, Options{})
	c.hear(said{"B1", geo, 10, 1})
	require.Empty(t, c.hear(said{"B1", geo, 5, 0}), "late")
	require.Empty(t, c.hear(said{"B1", geo, 20, 1}))
	require.Empty(t, c.hear(said{"B1", geo, 15, 0}), "late as well")
	require.Empty(t, c.derive(said{"B1", geo, 20, 0}), "the store refuses another value at the same instant")
	require.Empty(t, c.derive(said{"B1", geo, 30, math.NaN()}))
	require.Empty(t, c.derive(said{"B1", geo, -2 * 24 * 3600, 0}), "the store does not take it")
	require.Empty(t, c.derive(said{"B1", geo, 700, 0}), "nor that")
	require.Equal(t, "stay_seconds{B1 geomagnetic} 30 @40", c.hear(said{"B1", geo, 40, 0})[1])
}

// derive is hear without storing.
func (c *city) derive(r said) []string {
	var b reading.Batch
	var w reading.Builder
	w.Reset(&b)
	w.Begin(c.ms(r.at))
	w.Label("asset", r.bay)
	w.Label("source", r.source)
	w.AnyValue(bayOccupied, r.taken)
	w.Done()
	n := len(b.Points)
	c.Derive(&b, &w)
	w.Done()
	return c.shown(&b, n)
}

func TestABayThatWasTakenLongAgoIsShownAtOnce(t *testing.T) {
	c := newCity(t, Options{})
	c.tick(3600)
	require.NotEmpty(t, c.hear(said{"B1", geo, 0, 1}))
	require.Empty(t, c.query(baySince), "its own sample is an hour old")
	c.tick(3601)
	require.Equal(t, map[string]float64{"B1 geomagnetic": float64(c.ms(0)) / 1000}, c.query(baySince))
}

func TestFlappingCountsEachStayUnlessItIsTooShort(t *testing.T) {
	c := newCity(t, Options{ShortestStay: 5 * time.Second})
	for i := range 100 {
		c.hear(said{"B1", geo, float64(i), float64(i % 2)})
	}
	c.tick(120)
	require.Equal(t, map[string]float64{"B1 geomagnetic": 0}, c.query(bayStays))
	c.hear(said{"B1", geo, 200, 1})
	require.Contains(t, c.hear(said{"B1", geo, 300, 0}), "stay_seconds{B1 geomagnetic} 201 @300", "from second 99 on it was taken")
}

func TestAnUnknownStateEndsTheTimingWithoutAStay(t *testing.T) {
	c := newCity(t, Options{})
	c.hear(said{"B1", geo, 0, 1})
	require.Equal(t, []string{"bay_occupied_since{B1 geomagnetic} ends @10"}, c.hear(said{"B1", geo, 10, math.Float64frombits(value.StaleNaN)}))
	require.Empty(t, c.hear(said{"B1", geo, 20, 0}))
	require.Equal(t, []string{"bay_occupied_since{B1 geomagnetic} 30s @30"}, c.hear(said{"B1", geo, 30, 1}))
}

func TestAClockThatWasSetBackDoesNotFreezeABay(t *testing.T) {
	c := newCity(t, Options{})
	c.now = c.noon.Add(2 * time.Hour)
	c.hear(said{"B1", geo, 7200, 1})
	c.tick(7200)
	c.tick(60) // it is an hour and 59 minutes earlier than it was thought to be
	require.NotEmpty(t, c.hear(said{"B1", geo, 70, 0}))
	require.NotEmpty(t, c.hear(said{"B1", geo, 80, 1}))
	c.tick(140)
	require.Len(t, c.query(baySince), 1)
}

func TestAHandheldAndASensorDisagree(t *testing.T) {
	const hand = "handheld"
	for story, c := range map[string]struct {
		readings []said
		want     map[string]float64
	}{
		"they say the same": {[]said{{"B1", geo, 0, 1}, {"B1", hand, 10, 1}}, map[string]float64{"B1": 0}},
		"the handheld finds a car that the sensor does not see": {[]said{{"B1", geo, 0, 0}, {"B1", hand, 10, 1}}, map[string]float64{"B1": 1}},
		"so it does, and the sensor says so again":              {[]said{{"B1", geo, 0, 0}, {"B1", hand, 10, 1}, {"B1", geo, 500, 0}}, map[string]float64{"B1": 1}},
		"the sensor sees a ghost":                               {[]said{{"B1", geo, 0, 1}, {"B1", hand, 10, 0}}, map[string]float64{"B1": 1}},
		"at the same moment":                                    {[]said{{"B1", hand, 10, 0}, {"B1", geo, 10, 1}}, map[string]float64{"B1": 1}},
		"a moment apart":                                        {[]said{{"B1", hand, 10, 0}, {"B1", geo, 11, 1}}, map[string]float64{"B1": 1}},
		"the sensor follows":                                    {[]said{{"B1", geo, 0, 0}, {"B1", hand, 10, 1}, {"B1", geo, 40, 1}}, map[string]float64{"B1": 0}},
		"the car left after the handheld had looked":            {[]said{{"B1", geo, 0, 1}, {"B1", hand, 10, 1}, {"B1", geo, 400, 0}}, map[string]float64{"B1": 0}},
		"two sensors":                                           {[]said{{"B1", geo, 0, 1}, {"B1", "camera", 10, 1}, {"B1", geo, 400, 0}}, map[string]float64{"B1": 1}},
		"not for long yet":                                      {[]said{{"B1", geo, 0, 1}, {"B1", "camera", 560, 0}}, map[string]float64{"B1": 0}},
		"nobody to disagree with":                               {[]said{{"B1", geo, 0, 1}}, map[string]float64{}},
	} {
		t.Run(story, func(t *testing.T) {
			city := newCity(t, Options{})
			for _, r := range c.readings {
				city.hear(r)
			}
			city.tick(600)
			require.Equal(t, c.want, city.query(bayDiffer))
			city.restart()
			city.tick(661)
			if story != "not for long yet" {
				require.Equal(t, c.want, city.query(bayDiffer), "after a restart")
			}
		})
	}
}

func TestADisagreementBeginsAfterTheGraceAndEndsAtOnce(t *testing.T) {
	c := newCity(t, Options{Grace: 30 * time.Second})
	c.hear(said{"B1", geo, 0, 0}, said{"B1", "handheld", 10, 1})
	c.tick(40)
	require.Equal(t, map[string]float64{"B1": 0}, c.query(bayDiffer))
	c.tick(41)
	require.Equal(t, map[string]float64{"B1": 1}, c.query(bayDiffer))
	c.hear(said{"B1", geo, 45, 1})
	c.tick(46)
	require.Equal(t, map[string]float64{"B1": 0}, c.query(bayDiffer))
}

func TestReadingsInLineProtocolAreTimedToo(t *testing.T) {
	c := newCity(t, Options{})
	in := intake.New(intake.Options{Store: c.store, Metrics: metrics.NewSet(), Lag: func() time.Duration { return 0 },
		DeriveWrite: []intake.WriteDeriver{c.Tracker}})
	write := func(line string) {
		p := new(lineproto.Parser)
		res, err := in.Write(t.Context(), intake.Source{Input: "test"}, func(b *reading.Batch) bool {
			p.ParseSome(b, []byte(line), lineproto.Position{Line: 1}, 100, lineproto.Options{})
			return false
		}, lineproto.Speller{})
		require.NoError(t, err)
		require.Zero(t, res.Refused)
	}
	write(fmt.Sprintf("parking_bay,asset=B1,lot=P1 occupied=1,battery_volts=3 %d\nparking_bay_occupied,asset=B2,source=camera value=1 %d\nother,asset=B3 occupied=1 %d\n"+
		"parking_lot,asset=P1 capacity=10i,occupied=4i %d\nparking_bay_x,asset=B4 occupied=1 %d\n", c.ms(1)*1e6, c.ms(2)*1e6, c.ms(3)*1e6, c.ms(4)*1e6, c.ms(5)*1e6))
	c.tick(60)
	require.Equal(t, map[string]float64{"B1 geomagnetic": float64(c.ms(1)) / 1000, "B2 camera": float64(c.ms(2)) / 1000}, c.query(baySince))
	require.Equal(t, map[string]float64{"P1": 0.4, "P1 bays": 1}, c.query(lotRatio))
	write(fmt.Sprintf("parking_bay,asset=B1,lot=P1 occupied=0 %d", c.ms(61)*1e6))
	c.tick(62)
	require.Equal(t, map[string]float64{"B1 geomagnetic": 60}, c.query(staySeconds))
}

func TestBaysBeyondTheLimitAreStoredAndNotTracked(t *testing.T) {
	c := newCity(t, Options{maxPlaces: 2})
	for i := range 5 {
		c.hear(said{fmt.Sprint("B", i), geo, 1, 1})
	}
	c.tick(60)
	require.Len(t, c.query(baySince), 2)
	require.EqualValues(t, 3, c.untracked.Get())
}

func TestABayThatIsSilentForWeeksIsForgotten(t *testing.T) {
	c := newCity(t, Options{Forget: 10 * time.Minute})
	c.hear(said{"B1", geo, 0, 1})
	c.tick(599)
	require.Len(t, c.query(baySince), 1)
	c.tick(700)
	require.Empty(t, c.query(baySince))
	require.Empty(t, c.places)
	require.NotEmpty(t, c.hear(said{"B1", geo, 710, 1}), "it begins anew")
}

func TestPlatesDoNotGetPastTheSpellerThroughTheTracker(t *testing.T) {
	c := newCity(t, Options{Redact: func(all []reading.Label) ([]reading.Label, error) {
		for i, l := range all {
			if string(l.Name) == "asset" && strings.Contains(string(l.Value), "refused") {
				return nil, errors.New("refused")
			}
			all[i].Value = []byte(strings.ReplaceAll(string(l.Value), "secret", "x"))
		}
		return all, nil
	}})
	c.hear(said{"a secret bay", geo, 0, 1})
	c.hear(said{"a refused bay", geo, 0, 1})
	c.tick(60)
	require.Contains(t, c.query(baySince), "a x bay geomagnetic")
	require.Len(t, c.query(baySince), 1)
}

// Whatever arrives in whatever order, twice or not, by several senders: what is
// in the store follows from the readings in order of their times.
func TestStaysFollowFromTheReadings(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "readings")
		var all []said
		for i := range n {
			all = append(all, said{"B1", geo, float64(10 * (i + 1)), float64(rapid.IntRange(0, 1).Draw(rt, "state"))})
		}
		tr := New(Options{Metrics: metrics.NewSet(), Now: func() time.Time { return time.UnixMilli(1_000_000_000_000) }})
		stored := map[string]float64{}
		derive := func(r said) {
			var b reading.Batch
			var w reading.Builder
			w.Reset(&b)
			w.Begin(1_000_000_000_000 - 3_600_000 + int64(r.at*1000))
			w.Label("asset", r.bay)
			w.Label("source", r.source)
			w.Value(bayOccupied, r.taken)
			w.Done()
			tr.Derive(&b, &w)
			w.Done()
			for _, p := range b.Points[1:] {
				for _, f := range b.Fields[p.First : p.First+p.Count] {
					key := fmt.Sprintf("%s %d", b.Bytes(f.Name), p.Time)
					if old, twice := stored[key]; twice && math.Float64bits(old) != math.Float64bits(f.Value) {
						rt.Fatalf("%s is %v and %v", key, old, f.Value)
					}
					stored[key] = f.Value
				}
			}
		}
		for i, r := range all {
			derive(r)
			if back := rapid.IntRange(-1, min(i, remembered-2)).Draw(rt, "repeat"); back >= 0 {
				derive(all[i-back])
			}
		}
		var stays []float64
		since, state := 0.0, -1.0
		for _, r := range all {
			if r.taken == 1 && state != 1 {
				since = r.at
			}
			if r.taken == 0 && state == 1 {
				stays = append(stays, r.at-since)
			}
			state = r.taken
		}
		var got []float64
		for _, r := range all {
			if v, ok := stored[fmt.Sprintf("%s %d", staySeconds, 1_000_000_000_000-3_600_000+int64(r.at*1000))]; ok {
				got = append(got, v)
			}
		}
		require.Equal(rt, stays, got)
	})
}

func TestManySendersAtOnce(t *testing.T) {
	c := newCity(t, Options{})
	ctx, stop := context.WithCancel(t.Context())
	var running, senders sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	for s := range 8 {
		senders.Go(func() {
			for i := range 200 {
				var b reading.Batch
				var w reading.Builder
				w.Reset(&b)
				w.Begin(c.ms(float64(i)))
				w.Label("asset", fmt.Sprint("B", i%7))
				w.Label("source", []string{geo, "camera", "handheld"}[s%3])
				w.Value(bayOccupied, float64((i/7+s)%2))
				w.Done()
				c.Derive(&b, &w)
			}
		})
	}
	senders.Wait()
	stop()
	running.Wait()
	require.Len(t, c.places, 7)
}

// TestOnlyOneAndZeroAreStatesOfABay has a sensor that sends 2 for a fault.
func TestOnlyOneAndZeroAreStatesOfABay(t *testing.T) {
	for _, odd := range []float64{2, 0.5, -1, math.Inf(1)} {
		c := newCity(t, Options{})
		require.Equal(t, []string{"bay_stays_total{B g} 0 @1"}, c.hear(said{"B", "g", 1, odd}), "it is no car")
		require.Contains(t, strings.Join(c.hear(said{"B", "g", 2, 1}), " "), "2s")
		require.Contains(t, strings.Join(c.hear(said{"B", "g", 10, odd}), " "), "ends", "nobody knows whether it is still there")
		require.NotContains(t, strings.Join(c.hear(said{"B", "g", 20, 0}), " "), "stay_seconds", "nor when it left")
	}
}
