package main

import (
	"math"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/anomaly/trial"
)

// learn makes a judge by stochastic gradient descent on the logistic loss, each weight at a pace of its own (Duchi et al.,
// AdaGrad, Journal of Machine Learning Research 12, 2011).
func learn(all []*lesson, hidden, epochs int) *model.Judge {
	const pace, decay = 0.05, 1e-5
	r := newRand()
	n := len(model.Evidence{})
	j := &model.Judge{Hidden: make([][]float32, hidden), Out: make([]float32, hidden+1), Decade: 2.4}
	squares, outSquares := make([][]float32, hidden), make([]float32, hidden+1)
	for k := range j.Hidden {
		j.Hidden[k], squares[k] = make([]float32, n), make([]float32, n)
		for i := range j.Hidden[k] {
			j.Hidden[k][i], squares[k][i] = float32(0.1*r.NormFloat64()), 1e-2
		}
		j.Out[k], outSquares[k] = float32(0.3*r.NormFloat64()), 1e-2
	}
	outSquares[hidden] = 1e-2
	var data []*row
	for _, l := range all {
		for i := range l.rows {
			if l.rows[i].label >= 0 {
				data = append(data, &l.rows[i])
			}
		}
	}
	units := make([]float32, hidden)
	for range epochs {
		r.Shuffle(len(data), func(a, b int) { data[a], data[b] = data[b], data[a] })
		for _, d := range data {
			sum := j.Out[hidden]
			for k, w := range j.Hidden {
				a := float32(0)
				for i, v := range d.evidence {
					a += v * w[i]
				}
				units[k] = float32(math.Tanh(float64(a)))
				sum += j.Out[k] * units[k]
			}
			g := float32(1/(1+math.Exp(-float64(sum)))) - float32(d.label)
			for k, unit := range units {
				back := g * j.Out[k] * (1 - unit*unit)
				step(&j.Out[k], &outSquares[k], g*unit, pace)
				if back > -1e-6 && back < 1e-6 {
					continue
				}
				w, q := j.Hidden[k], squares[k]
				for i, v := range d.evidence {
					if v != 0 {
						step(&w[i], &q[i], back*v+decay*w[i], pace)
					}
				}
			}
			step(&j.Out[hidden], &outSquares[hidden], g, pace)
		}
	}
	return j
}

func step(weight, squares *float32, gradient, pace float32) {
	*squares += gradient * gradient
	*weight -= pace * gradient / float32(math.Sqrt(float64(*squares)))
}

// tune chooses limit, heat and rest: of those whose alarms are worth nearly as much as any, the ones with the fewest false
// alarms.
func tune(j *model.Judge, all []*lesson) (best trial.Outcome) {
	const nearly = 1 // point
	weigh(j, all)
	type choice struct {
		judge   model.Judge
		outcome trial.Outcome
	}
	var choices []choice
	most := 0.
	for _, rest := range []int{60, 90, 130} {
		for _, heat := range []float64{0, 0.1, 0.2, 0.3} {
			for limit := -3.; limit < 1; limit += 0.125 {
				j.Limit, j.Heat, j.Rest = limit, heat, rest
				o := outcome(j, all)
				choices = append(choices, choice{*j, o})
				most = math.Max(most, o.Points())
			}
		}
	}
	best.False = math.MaxInt
	for _, c := range choices {
		if c.outcome.Points() >= most-nearly && c.outcome.False < best.False {
			*j, best = c.judge, c.outcome
		}
	}
	return best
}

func judgeAll(j *model.Judge, all []*lesson) trial.Outcome {
	weigh(j, all)
	return outcome(j, all)
}

func weigh(j *model.Judge, all []*lesson) {
	for _, l := range all {
		for i := range l.rows {
			l.rows[i].weight = j.Weight(&l.rows[i].evidence)
			l.rows[i].plain = model.Plain(&l.rows[i].evidence)
		}
	}
}

// deeper is by how much more an alarm has to be in the rest after another, as in the model auto.
const deeper = 0.5

// outcome is as the model auto alarms.
func outcome(j *model.Judge, all []*lesson) (total trial.Outcome) {
	for _, l := range all {
		scores := make([]float64, len(l.series.Values))
		heat, peak, last, rest := 0., 0., 0, 0
		for i := range l.rows {
			d := &l.rows[i]
			heat *= math.Pow(1-1./2000, float64(d.bucket-last))
			last = d.bucket
			over := max((d.weight-j.Limit-j.Heat*heat)/j.Decade, d.plain)
			if over < 0 || d.bucket < rest && over < peak+deeper {
				continue
			}
			scores[d.sample] = 1
			heat++
			rest, peak = d.bucket+j.Rest, over
		}
		total.Add(trial.Judge(l.series, scores))
	}
	return total
}
