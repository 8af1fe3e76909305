package main

import (
	"fmt"
	"io"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/anomaly/trial"
	"github.com/belfry-city/belfry/alerting/anomaly/trial/recorded"
)

// faultsNote says how to read the tables.
const faultsNote = `Faults are put into series as they were recorded, which have anomalies of their own that nobody has labelled: "false" counts
those too, and what a model says of the series without faults is in the last row of its table. Sizes are in spreads of the series;
of stuck, missing and zeros they are lengths (in days, half days, half days). A model sees nothing of samples that are missing but
what comes after them: silence is what ` + "`device_silent`" + ` is for.

`

func (o *options) faults(w io.Writer, kinds []model.Kind) error {
	air, err := recorded.Air(o.Air)
	if err != nil {
		return err
	}
	parks, err := recorded.Parking(o.Parking)
	if err != nil {
		return err
	}
	if err := o.faultsIn(w, "Air Quality, UCI", air, single(kinds)); err != nil {
		return err
	}
	return o.faultsIn(w, "car parks, Aarhus", parks, single(kinds))
}

// trialOf are the outcomes of a kind.
type trialOf struct {
	kind  model.Kind
	each  [][]trial.Outcome // by fault and size
	whole trial.Outcome     // without faults
}

func (o *options) try(k model.Kind, all []trial.Series) trialOf {
	t := trialOf{kind: k, whole: outcome(k, all)}
	for _, f := range trial.Faults() {
		var sizes []trial.Outcome
		for _, size := range trial.Sizes() {
			var broken []trial.Series
			for _, s := range all {
				broken = append(broken, trial.Break(s, f, size, o.Places, o.Seed))
			}
			sizes = append(sizes, outcome(k, broken))
		}
		t.each = append(t.each, sizes)
	}
	return t
}

func (o *options) faultsIn(w io.Writer, name string, all []trial.Series, kinds []model.Kind) error {
	samples := 0
	for _, s := range all {
		samples += len(s.Values)
	}
	heading := fmt.Sprintf("## Faults in %s: %d series, %d samples, seed %d\n\n", name, len(all), samples, o.Seed)
	if err := text(w, heading+faultsNote); err != nil {
		return err
	}
	var tried []trialOf
	for _, k := range kinds {
		tried = append(tried, o.try(k, all))
	}
	if err := faultsInAll(w, tried); err != nil {
		return err
	}
	for _, t := range tried {
		if err := text(w, fmt.Sprintf("### %s\n\n", t.kind.Name)); err != nil {
			return err
		}
		if err := table(w, header("fault", "size"), t.rows()); err != nil {
			return err
		}
	}
	return nil
}

func (t trialOf) rows() (rows [][]string) {
	for i, f := range trial.Faults() {
		for j, size := range trial.Sizes() {
			rows = append(rows, append([]string{string(f), fmt.Sprint(size)}, outcomeCells(t.each[i][j])...))
		}
	}
	return append(rows, append([]string{"none", ""}, outcomeCells(t.whole)...))
}

// faultsInAll compares kinds.
func faultsInAll(w io.Writer, tried []trialOf) error {
	var rows, found [][]string
	names := []string{"model"}
	for _, f := range trial.Faults() {
		names = append(names, string(f))
	}
	for _, size := range trial.Sizes() {
		names = append(names, fmt.Sprintf("size %g", size))
	}
	for _, t := range tried {
		var all trial.Outcome
		of, sizes := make([]trial.Outcome, len(t.each)), make([]trial.Outcome, len(trial.Sizes()))
		for i := range t.each {
			for j, o := range t.each[i] {
				all.Add(o)
				of[i].Add(o)
				sizes[j].Add(o)
			}
		}
		rows = append(rows, append([]string{t.kind.Name}, outcomeCells(all)...))
		cells := []string{t.kind.Name}
		for _, o := range append(of, sizes...) {
			cells = append(cells, number(100*o.Recall(), 0)+" %")
		}
		found = append(found, cells)
	}
	if err := text(w, "All faults and sizes:\n\n"); err != nil {
		return err
	}
	if err := table(w, header("model"), rows); err != nil {
		return err
	}
	if err := text(w, "Found, of all windows with such a fault (all sizes) or size (all faults):\n\n"); err != nil {
		return err
	}
	return table(w, names, found)
}
