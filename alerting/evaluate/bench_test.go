package evaluate

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/alerting/trigger"
	defaults "github.com/belfry-city/belfry/rules"
)

type discard struct{}

func (discard) Send(...*notifier.Alert) {}

// BenchmarkNotify is what enrichment costs when alerts begin to fire: 1,500 wells
// of five metrics, five minutes of a reading a second, and the default rule that
// looks for the asset's own threshold first.
func BenchmarkNotify(b *testing.B) {
	db, err := tsdb.Open(b.TempDir(), promslog.NewNopLogger(), nil, tsdb.DefaultOptions(), nil)
	require.NoError(b, err)
	defer func() { require.NoError(b, db.Close()) }()
	now := time.Now()
	const wells, seconds = 1500, 300
	app := db.Appender(b.Context())
	for m, name := range []string{"gas_ch4_lel_percent", "gas_co_ppm", "gas_h2s_ppm", "gas_o2_percent", "well_level_m"} {
		for w := range wells {
			series := labels.FromStrings(model.MetricNameLabel, name, "asset", fmt.Sprint("W", w))
			for s := range seconds {
				_, err := app.Append(0, series, now.Add(time.Duration(s-seconds)*time.Second).UnixMilli(), float64(s+m))
				require.NoError(b, err)
			}
		}
	}
	require.NoError(b, app.Commit())

	set, err := ruleset.Load(nil, defaults.FS)
	require.NoError(b, err)
	e, err := New(Options{
		Queryable: db, Appendable: db, Sender: discard{},
		Engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})}),
	})
	require.NoError(b, err)
	require.NoError(b, e.Reload(set))
	var critical *rule
	for _, g := range e.running() {
		for _, r := range g.rules {
			if r.name == "GasCombustibleCritical" {
				critical = r
			}
		}
	}
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				e.freezer.alerts = map[uint64]*frozen{}
				alerts := make([]*rules.Alert, n)
				for j := range alerts {
					alerts[j] = &rules.Alert{
						Labels: labels.FromStrings("alertname", "GasCombustibleCritical", "severity", "critical", "domain", "gas",
							"asset", fmt.Sprint("W", j)),
						Value: 60, ActiveAt: now, FiredAt: now,
					}
				}
				e.notify(b.Context(), critical, alerts)
			}
		})
	}
	require.NoError(b, e.Stop(b.Context()))
}

// BenchmarkWhole is a full evaluation of a rule over 24,000 bays, each with two
// hours of a reading a minute: as the store answers it, and as the newest readings
// do.
func BenchmarkWhole(b *testing.B) {
	db, err := tsdb.Open(b.TempDir(), promslog.NewNopLogger(), nil, tsdb.DefaultOptions(), nil)
	require.NoError(b, err)
	defer func() { require.NoError(b, db.Close()) }()
	now := time.Now()
	app := db.Appender(b.Context())
	for bay := range 24_000 {
		series := labels.FromStrings(model.MetricNameLabel, "parking_bay_occupied", "asset", fmt.Sprintf("YZ-P%03d-B%05d", bay/400, bay),
			"lot", fmt.Sprintf("YZ-P%03d", bay/400), "source", "geomagnetic")
		for minute := range 120 {
			_, err := app.Append(0, series, now.Add(time.Duration(minute-120)*time.Minute).UnixMilli(), float64((bay+minute)/40%2))
			require.NoError(b, err)
		}
	}
	require.NoError(b, app.Commit())
	path := filepath.Join(b.TempDir(), "rules.yml")
	for name, expr := range map[string]string{"limit": "parking_bay_occupied > 1", "alerts": "parking_bay_occupied >= 0", "count": "count by (lot) (parking_bay_occupied == 1) > 1000"} {
		require.NoError(b, os.WriteFile(path, []byte("groups: [{name: g, interval: 1h, rules: [{alert: A, expr: "+expr+
			", labels: {severity: info}, annotations: {summary: '{{ $labels.asset }} {{ $value }}'}}]}]"), 0o600))
		set, err := ruleset.Load([]string{path}, nil)
		require.NoError(b, err)
		for _, from := range []string{"store", "newest"} {
			b.Run(name+"/from="+from, func(b *testing.B) {
				o := Options{
					Queryable: db, Appendable: db, Sender: discard{},
					Engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})}),
				}
				told := make(chan *trigger.Index, 1)
				if from == "newest" {
					o.Watch = func(x *trigger.Index) { told <- x }
				}
				e, err := New(o)
				require.NoError(b, err)
				require.NoError(b, e.Reload(set))
				if from == "newest" {
					x := <-told
					require.Eventually(b, func() bool {
						_, ok := x.Newest(e.running()[0].rules[0].plan.Sources[0].Matchers, time.Now().UnixMilli(), time.Now().UnixMilli())
						return ok
					}, time.Minute, time.Millisecond)
				}
				b.ReportAllocs()
				for b.Loop() {
					e.running()[0].rules[0].evaluate(b.Context(), time.Now())
				}
				b.StopTimer()
				require.NoError(b, e.Stop(b.Context()))
			})
		}
	}
}
