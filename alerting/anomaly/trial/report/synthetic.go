package main

import (
	"fmt"
	"io"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/anomaly/trial"
)

// scores are what a model that is new says of a series.
func scores(m model.Model, s trial.Series) []float64 {
	all, value := make([]float64, len(s.Values)), make([]float64, 1)
	for i, v := range s.Values {
		value[0] = v
		all[i] = m.Observe(s.Times[i], value).Score
	}
	return all
}

// outcome is that of a kind on all of some series, each with a new model.
func outcome(k model.Kind, all []trial.Series) (o trial.Outcome) {
	for _, s := range all {
		o.Add(trial.Judge(s, scores(k.New(1, k.Defaults(), nil), s)))
	}
	return o
}

func (o *options) synthetic(w io.Writer, kinds []model.Kind) error {
	for _, c := range []struct {
		name string
		all  []trial.Series
	}{
		{fmt.Sprintf("Hard, seed %d", o.Seed), trial.Hard(o.Seed, o.Each)},
		{fmt.Sprintf("Hard, seed %d", o.Seed+1), trial.Hard(o.Seed+1, o.Each)},
		{fmt.Sprintf("Synthetic, seed %d", o.Seed), trial.Synthetic(o.Seed, o.Each)},
	} {
		var rows [][]string
		for _, k := range single(kinds) {
			rows = append(rows, append([]string{k.Name}, outcomeCells(outcome(k, c.all))...))
		}
		if err := text(w, fmt.Sprintf("## %s: %d series\n\n", c.name, len(c.all))); err != nil {
			return err
		}
		if err := table(w, header("model"), rows); err != nil {
			return err
		}
	}
	return nil
}
