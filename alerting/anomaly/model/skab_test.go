package model_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

// run is one of a pump, with eight sensors.
type run struct {
	name   string
	values [][]float64
	wrong  []bool
}

// skab are the runs of the Skoltech Anomaly Benchmark.
func skab(t *testing.T) (runs []run) {
	// Its licence does not allow it to be here.
	files, err := filepath.Glob(filepath.Join(os.Getenv("BELFRY_SKAB"), "*", "*.csv"))
	if err != nil || len(files) == 0 {
		t.Skip("set BELFRY_SKAB to the data folder of SKAB 0.9")
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c := csv.NewReader(bytes.NewReader(text))
		c.Comma = ';'
		rows, err := c.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		n := run{name: filepath.Base(f)}
		for _, row := range rows[1:] {
			v := make([]float64, 8)
			for i := range v {
				v[i], err = strconv.ParseFloat(row[1+i], 64)
				if err != nil {
					t.Fatal(err)
				}
			}
			n.values = append(n.values, v)
			n.wrong = append(n.wrong, len(row) > 9 && row[9] == "1.0")
		}
		runs = append(runs, n)
	}
	return runs
}

// pointwise counts rows.
type pointwise struct{ tp, fp, fn, tn float64 }

func (p pointwise) f1() float64  { return 2 * p.tp / (2*p.tp + p.fp + p.fn) }
func (p pointwise) far() float64 { return 100 * p.fp / (p.fp + p.tn) }
func (p pointwise) mar() float64 { return 100 * p.fn / (p.fn + p.tp) }

// judge learns from the first rows of each run, and counts rows from then on.
func (r run) judge(m model.Model) (p pointwise) {
	const learn = 400
	for i, v := range r.values {
		s := m.Observe(start+int64(i)*1000, v).Score
		switch {
		case i < learn:
		case s > 1 && r.wrong[i]:
			p.tp++
		case s > 1:
			p.fp++
		case r.wrong[i]:
			p.fn++
		default:
			p.tn++
		}
	}
	return p
}

// The best of the detectors that the authors of SKAB list, neural networks among them, has an F1 of 0.79; to call everything
// wrong has 0.67 on these runs.
func TestAFaultOfThePumpIsFoundForAsLongAsItLasts(t *testing.T) {
	t.Parallel()
	k := kind(t, "multivariate")
	var all pointwise
	for _, r := range skab(t) {
		p := r.judge(k.New(8, k.Defaults(), nil))
		t.Logf("%s: F1 %.3f, %.1f %% false alarms, %.1f %% missed", r.name, p.f1(), p.far(), p.mar())
		if r.name == "anomaly-free.csv" {
			if p.far() > 3 {
				t.Errorf("%.1f %% of what is free of anomalies is said to be one, want at most 3 %%", p.far())
			}
			continue
		}
		all.tp += p.tp
		all.fp += p.fp
		all.fn += p.fn
		all.tn += p.tn
	}
	t.Logf("all: F1 %.3f, %.1f %% false alarms, %.1f %% missed", all.f1(), all.far(), all.mar())
	if all.f1() < 0.78 || all.far() > 22 {
		t.Errorf("F1 is %.3f with %.1f %% false alarms, want at least 0.78 and at most 22 %%", all.f1(), all.far())
	}
}
