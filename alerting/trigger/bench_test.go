package trigger_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/alerting/trigger"
	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/rules"
)

// watcher is an index as a store takes it.
type watcher struct{ *trigger.Index }

func (w watcher) Watch(series labels.Labels, known bool) tsdb.Watched {
	if found := w.Index.Watch(series, known); found != nil {
		return found
	}
	return nil
}

// defaultPlans are those of the default rules, and of further ones that compare
// the same series with other constants, until there are n.
func defaultPlans(b *testing.B, n int) []*trigger.Plan {
	set, err := ruleset.Load(nil, rules.FS)
	require.NoError(b, err)
	var plans []*trigger.Plan
	add := func(text string) {
		p, err := trigger.NewPlan(text, set.ParseAnew)
		require.NoError(b, err)
		plans = append(plans, p)
	}
	for _, g := range set.Groups() {
		for _, r := range g.Rules {
			if r.Alert {
				add(r.Expr.String())
			}
		}
	}
	metricsOf := []string{"parking_bay_occupied", "parking_bay_battery_volts", "parking_bay_rssi_dbm", "gas_ch4_lel_percent", "well_level_m"}
	for i := len(plans); i < n; i++ {
		add(fmt.Sprintf("%s > %d", metricsOf[i%len(metricsOf)], 100+i))
	}
	return plans
}

const (
	bays  = 24_000
	parts = 6 // requests that name all bays once
)

// body is a request of one reading of each of some bays.
func body(part int, at int64) []byte {
	var b []byte
	for i := part * bays / parts; i < (part+1)*bays/parts; i++ {
		b = fmt.Appendf(b, "parking_bay,asset=YZ-P%03d-B%05d,lot=YZ-P%03d,source=geomagnetic occupied=%d,battery_volts=3.%02d,rssi_dbm=-%di ",
			i/400, i, i/400, at/700%2*int64(i%2), i%90, 60+i%30)
		b = append(strconv.AppendInt(b, at*1_000_000, 10), '\n')
	}
	return b
}

// BenchmarkWriteWatched is one sample an operation on its way from bytes to disk,
// while nobody watches, and while 500 rules do.
func BenchmarkWriteWatched(b *testing.B) {
	for _, n := range []int{0, 500} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) { benchmarkWatched(b, n) })
	}
}

func benchmarkWatched(b *testing.B, n int) {
	s, err := tsdb.Open(tsdb.Options{Dir: b.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	defer func() { require.NoError(b, s.Close()) }()
	var woken sync.Map
	if n > 0 {
		s.Watch(watcher{trigger.NewIndex(defaultPlans(b, n), 300_000, func(w trigger.Wake) { woken.Store(w.Rule, true) })})
	}
	in := intake.New(intake.Options{Store: s, Metrics: metrics.NewSet(), Lag: func() time.Duration { return 0 }})
	at := time.Now().Add(-time.Minute).UnixMilli()
	round := func() {
		at += 100
		bodies := make([][]byte, parts)
		b.StopTimer()
		for i := range bodies {
			bodies[i] = body(i, at)
		}
		b.StartTimer()
		var wg sync.WaitGroup
		for _, text := range bodies {
			wg.Go(func() {
				p, pos := new(lineproto.Parser), lineproto.Position{Line: 1}
				res, err := in.Write(context.Background(), intake.Source{Input: "bench"}, func(batch *reading.Batch) bool {
					pos = p.ParseSome(batch, text, pos, 8192, lineproto.Options{})
					return pos.Offset < len(text)
				}, lineproto.Speller{})
				if err != nil || res.Refused > 0 {
					b.Errorf("%v %v", err, res)
				}
			})
		}
		wg.Wait()
	}
	round()
	b.ResetTimer()
	for done := 0; done < b.N; done += 3 * bays {
		round()
	}
}
