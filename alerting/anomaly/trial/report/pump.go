package main

import (
	"fmt"
	"io"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/anomaly/trial/recorded"
)

// pumpLearn is how many rows of each run are learned only, as in SKAB's own comparison.
const pumpLearn = 400

const pumpNote = `F1, false-alarm rate (FAR) and missed-alarm rate (MAR) count rows after the first %d of each run. Of the 34 labelled runs
only %d are here, so this is a sign and no comparison: a detector that calls every row wrong has an F1 of %.3f on them. Models of
single series watch the eight sensors apart, and a row is wrong where any of them says so; they tell of the beginning of a fault
and not how long it lasts, so that they miss most rows. The published figures (README of SKAB 0.9, outlier detection) are of all runs.
Multivariate was developed on the runs that are here, and its variants were compared on them, so that its figures are too good for others.

`

// published is the leaderboard for outlier detection of SKAB's README.
func published() [][]string {
	return [][]string{
		{"published: perfect", "1", "0", "0"},
		{"published: Conv-AE", "0.79", "13.69", "17.77"},
		{"published: MSET", "0.73", "20.82", "20.08"},
		{"published: LSTM-AE", "0.68", "14.24", "35.56"},
		{"published: T²+Q (PCA)", "0.67", "13.95", "36.32"},
		{"published: LSTM", "0.64", "15.4", "39.9"},
		{"published: MSCRED", "0.64", "13.6", "41.2"},
		{"published: LSTM-VAE", "0.56", "9.1", "55.0"},
		{"published: T²", "0.56", "12.1", "52.6"},
		{"published: autoencoder", "0.45", "7.6", "66.6"},
		{"published: isolation forest", "0.40", "6.9", "72.1"},
	}
}

// byRow counts rows.
type byRow struct{ hit, falsely, missed, quiet float64 }

func (r *byRow) add(s byRow) {
	r.hit += s.hit
	r.falsely += s.falsely
	r.missed += s.missed
	r.quiet += s.quiet
}

func (r byRow) f1() float64  { return 2 * r.hit / (2*r.hit + r.falsely + r.missed) }
func (r byRow) far() float64 { return 100 * r.falsely / (r.falsely + r.quiet) }
func (r byRow) mar() float64 { return 100 * r.missed / (r.missed + r.hit) }

func (r byRow) cells() []string {
	return []string{number(r.f1(), 3), number(r.far(), 1), number(r.mar(), 1)}
}

// rowsOf judges one run, by what says of the values of a row whether they are wrong.
func rowsOf(run recorded.Run, says func(t int64, values []float64) bool) (r byRow) {
	for i, v := range run.Values {
		said := says(run.Times[i], v)
		switch {
		case i < pumpLearn:
		case said && run.Wrong[i]:
			r.hit++
		case said:
			r.falsely++
		case run.Wrong[i]:
			r.missed++
		default:
			r.quiet++
		}
	}
	return r
}

// watching is a new model of a kind for all sensors, or one for each.
func watching(k model.Kind) func(t int64, values []float64) bool {
	if k.Joint {
		m := k.New(recorded.PumpSensors, k.Defaults(), nil)
		return func(t int64, values []float64) bool { return m.Observe(t, values).Score > 1 }
	}
	each := make([]model.Model, recorded.PumpSensors)
	for i := range each {
		each[i] = k.New(1, k.Defaults(), nil)
	}
	return func(t int64, values []float64) (wrong bool) {
		for i, m := range each {
			wrong = m.Observe(t, values[i:i+1]).Score > 1 || wrong
		}
		return wrong
	}
}

func (o *options) pump(w io.Writer, kinds []model.Kind) error {
	if o.Skab == "" {
		return text(w, "## SKAB\n\nLeft out: --skab says where it is.\n\n")
	}
	runs, err := recorded.Pump(o.Skab)
	if err != nil {
		return err
	}
	var everything byRow
	labelled := 0
	for _, run := range runs {
		if run.Labelled {
			labelled++
			everything.add(rowsOf(run, func(int64, []float64) bool { return true }))
		}
	}
	if labelled == 0 {
		return fmt.Errorf("--skab %s: there are no folders with runs in CSV; want the data folder of SKAB 0.9", o.Skab)
	}
	rows, each := [][]string{append([]string{"everything is wrong"}, append(everything.cells(), "100.0")...)}, [][]string{}
	for _, k := range kinds {
		var all, free byRow
		for _, run := range runs {
			r := rowsOf(run, watching(k))
			if !run.Labelled {
				free.add(r)
				continue
			}
			all.add(r)
			if k.Joint {
				each = append(each, append([]string{k.Name, run.Name}, r.cells()...))
			}
		}
		rows = append(rows, append([]string{k.Name}, append(all.cells(), number(free.far(), 2))...))
	}
	for _, p := range published() {
		rows = append(rows, append(p, "–"))
	}
	if err := text(w, "## SKAB: a water loop with a pump\n\n"+fmt.Sprintf(pumpNote, pumpLearn, labelled, everything.f1())); err != nil {
		return err
	}
	if err := table(w, []string{"model", "F1", "FAR %", "MAR %", "FAR % of the run without faults"}, rows); err != nil {
		return err
	}
	if len(each) == 0 {
		return nil
	}
	return table(w, []string{"model", "run", "F1", "FAR %", "MAR %"}, each)
}
