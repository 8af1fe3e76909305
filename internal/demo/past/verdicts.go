package past

import (
	"context"
	"math"
	"runtime"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/sourcegraph/conc/pool"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/loadtest/city"
)

// verdict is what a detector's model says of the past of a series.
type verdict struct {
	asset  string
	series []labels.Labels // of its outputs
	from   int64           // ms
	values [][]float64     // by output, and then by step

	read     func(at int64) float64
	detector *detector.Detector
}

// judged is of how many streams of an asset models tell: they take more time than
// everything else.
const judged = 2

// told is of how many assets of a kind models tell.
func told(k city.Kind) int {
	const most, ofGas = 8, 2
	switch k {
	case city.KindBridge, city.KindTunnel, city.KindPump:
		return most
	case city.KindGasWell, city.KindSepticTank:
		return ofGas
	}
	return 0
}

// judge has models see the past of some bridges, tunnels, pumps and wells.
func judge(ctx context.Context, o Options) ([]*verdict, error) {
	if o.Detectors == nil {
		return nil, nil
	}
	var all []*verdict
	count := map[city.Kind]int{}
	for _, a := range o.City.Assets() {
		if count[a.Kind]++; count[a.Kind] > told(a.Kind) {
			continue
		}
		streams := o.City.StreamsOf(a.ID)
		for _, s := range streams[:min(judged, len(streams))] {
			for i := range s.Fields {
				all = append(all, verdictsOn(o.Detectors, s, i)...)
			}
		}
	}
	from := o.Until.Add(-JudgedLength).Truncate(step)
	work := pool.New().WithContext(ctx).WithCancelOnError().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	for _, v := range all {
		work.Go(func(ctx context.Context) error { return v.judge(ctx, from, o.Until) })
	}
	return all, work.Wait()
}

// verdictsOn are those on a field of a stream, one of each detector that watches it
// by itself.
func verdictsOn(all *detector.Set, s *city.Stream, field int) (out []*verdict) {
	series := seriesLabels(s.Metric(field), s)
	for _, d := range all.Detectors() {
		if d.Kind.Joint || !d.Selects(series) {
			continue
		}
		v := &verdict{asset: s.Asset.ID, detector: d, values: make([][]float64, len(d.Outputs))}
		for _, o := range d.Outputs {
			v.series = append(v.series, labels.NewBuilder(d.Labels(series)).Set(metricLabel, string(o)).Labels())
		}
		var room []float64
		v.read = func(at int64) float64 {
			var ok bool
			if room, ok = s.ReadMS(at, room[:0]); !ok {
				return math.NaN()
			}
			return rounded(room[field], s.Fields[field].Decimals)
		}
		out = append(out, v)
	}
	return out
}

func (v *verdict) judge(ctx context.Context, from, to time.Time) error {
	m := v.detector.New(1)
	v.from = from.UnixMilli()
	for at := from; at.Before(to); at = at.Add(step) {
		if err := ctx.Err(); err != nil {
			return err
		}
		said := m.Observe(at.UnixMilli(), []float64{v.read(at.UnixMilli())})
		for i, o := range v.detector.Outputs {
			v.values[i] = append(v.values[i], part(o, said))
		}
	}
	return nil
}

// part is the part of a verdict that an output stores.
func part(o detector.Output, v model.Verdict) float64 {
	switch o {
	case detector.Expected:
		return v.Expected
	case detector.Lower:
		return v.Lower
	case detector.Upper:
		return v.Upper
	}
	return v.Score
}

func (v *verdict) source() *source {
	return &source{series: v.series, read: func(at int64, dst []float64) []float64 {
		n := int((at - v.from) / step.Milliseconds()) // negative before, as both are at whole steps
		for i := range v.values {
			if n < 0 {
				dst = append(dst, math.NaN())
			} else {
				dst = append(dst, v.values[i][n])
			}
		}
		return dst
	}}
}
