package evaluate

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/ruleset"
)

// TestAnnotationsAreThoseOfAnElementSeenForTheFirstTime raises alerts of one result
// after the other, and compares with a part that has seen nothing before.
func TestAnnotationsAreThoseOfAnElementSeenForTheFirstTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.yml")
	require.NoError(t, os.WriteFile(path, []byte(`groups: [{name: g, interval: 1h, rules: [
  {alert: Plain, expr: a, labels: {severity: info, of: "{{ $labels.__name__ }}"}, annotations: {summary: "{{ $labels }} {{ $value }}", other: text}},
  {alert: Hides, expr: a, labels: {severity: info, asset: hidden}, annotations: {summary: "{{ $labels.asset }} {{ $value }}"}},
  {alert: Clock, expr: a, labels: {severity: info}, annotations: {summary: "{{ now }}"}}]}]`), 0o600))
	set, err := ruleset.Load([]string{path}, nil)
	require.NoError(t, err)
	db, err := tsdb.Open(t.TempDir(), nil, nil, tsdb.DefaultOptions(), nil)
	require.NoError(t, err)
	e, err := New(Options{
		Queryable: db, Appendable: db, Sender: discard{},
		Engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})}),
	})
	require.NoError(t, err)
	require.NoError(t, e.Reload(set))
	all := e.running()[0].rules
	require.Equal(t, []bool{true, true, false}, []bool{all[0].steady, all[1].steady, all[2].steady})
	remembered := 0
	rapid.Check(t, func(rt *rapid.T) {
		r := rapid.SampledFrom(all).Draw(rt, "rule")
		p := &part{}
		now := time.Unix(1, 0)
		for range rapid.IntRange(2, 12).Draw(rt, "results") {
			now = now.Add(time.Second)
			var result promql.Vector
			for _, asset := range rapid.SliceOfDistinct(rapid.IntRange(1, 9), rapid.ID[int]).Draw(rt, "assets") {
				s := promql.Sample{
					Metric: labels.FromStrings("__name__", rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "name"), "asset", fmt.Sprint(asset)),
					F:      float64(rapid.IntRange(0, 1).Draw(rt, "value")),
				}
				if rapid.IntRange(0, 5).Draw(rt, "histogram") == 0 {
					s.F, s.H = 0, &histogram.FloatHistogram{Count: 1}
				}
				result = append(result, s)
				if r.name == "Hides" {
					break // they would be one alert
				}
			}
			remembered += len(p.notes)
			got, err := r.raise(t.Context(), p, result, now)
			require.NoError(rt, err)
			want, err := r.raise(t.Context(), &part{}, result, now)
			require.NoError(rt, err)
			require.Equal(rt, want, got)
			require.LessOrEqual(rt, len(p.notes), 2*len(result)+1)
		}
	})
	require.Positive(t, remembered)
	require.NoError(t, e.Stop(t.Context()))
	require.NoError(t, db.Close())
}
