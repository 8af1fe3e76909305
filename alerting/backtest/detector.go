package backtest

import "github.com/belfry-city/belfry/alerting/anomaly/model"

// detector is a model of all columns, or one of each.
type detector struct {
	joint  bool
	models []model.Model
	one    [1]float64
}

func newDetector(k model.Kind, set model.Settings, columns int) *detector {
	d := &detector{joint: k.Joint || columns == 1}
	if d.joint {
		d.models = []model.Model{k.New(columns, set)}
		return d
	}
	for range columns {
		d.models = append(d.models, k.New(1, set))
	}
	return d
}

// observe says what the models think of an instant, and of which column: the one with the highest score, or the first of
// a joint model.
func (d *detector) observe(at int64, values []float64) (model.Verdict, int) {
	if d.joint {
		return d.models[0].Observe(at, values), 0
	}
	var worst model.Verdict
	column := 0
	for i, m := range d.models {
		d.one[0] = values[i]
		if v := m.Observe(at, d.one[:]); i == 0 || v.Score > worst.Score {
			worst, column = v, i
		}
	}
	return worst, column
}
