package backtest

import (
	"math"
	"time"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

// detector is a model of all columns, or one of each.
type detector struct {
	joint  bool
	models []model.Model
	one    [1]float64
	// each is what was said last of each column, NaN where nothing was.
	each []model.Verdict
}

func newDetector(k model.Kind, set model.Settings, zone *time.Location, columns int) *detector {
	d := &detector{joint: k.Joint || columns == 1}
	nan := math.NaN()
	for range columns {
		d.each = append(d.each, model.Verdict{Expected: nan, Lower: nan, Upper: nan})
	}
	if d.joint {
		d.models = []model.Model{k.New(columns, set, zone)}
		return d
	}
	for range columns {
		d.models = append(d.models, k.New(1, set, zone))
	}
	return d
}

// observe says what the models think of an instant, and of which column: the one with the highest score, or the first of
// a joint model.
func (d *detector) observe(at int64, values []float64) (model.Verdict, int) {
	if d.joint {
		d.each[0] = d.models[0].Observe(at, values)
		return d.each[0], 0
	}
	var worst model.Verdict
	column := 0
	for i, m := range d.models {
		d.one[0] = values[i]
		d.each[i] = m.Observe(at, d.one[:])
		if v := d.each[i]; i == 0 || v.Score > worst.Score {
			worst, column = v, i
		}
	}
	return worst, column
}
