package backtest

import (
	"math"
	"time"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

// observer is a model of all columns, or one of each.
type observer struct {
	joint  bool
	models []model.Model
	one    [1]float64
	// each is what was said last of each column, NaN where nothing was.
	each []model.Verdict
}

func newObserver(k model.Kind, set model.Settings, zone *time.Location, columns int) *observer {
	o := &observer{joint: k.Joint || columns == 1}
	nan := math.NaN()
	for range columns {
		o.each = append(o.each, model.Verdict{Expected: nan, Lower: nan, Upper: nan})
	}
	if o.joint {
		o.models = []model.Model{k.New(columns, set, zone)}
		return o
	}
	for range columns {
		o.models = append(o.models, k.New(1, set, zone))
	}
	return o
}

// observe says what the models think of an instant, and of which column: the one with the highest score, or the first of
// a joint model.
func (o *observer) observe(at int64, values []float64) (model.Verdict, int) {
	if o.joint {
		o.each[0] = o.models[0].Observe(at, values)
		return o.each[0], 0
	}
	var worst model.Verdict
	column := 0
	for i, m := range o.models {
		o.one[0] = values[i]
		o.each[i] = m.Observe(at, o.one[:])
		if v := o.each[i]; i == 0 || v.Score > worst.Score {
			worst, column = v, i
		}
	}
	return worst, column
}
