package main

import (
	"context"
	"errors"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"testing"
	"time"

	promodel "github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

// last is a model that expects what was before: a score of 1 is a step as large as its option.
type last struct{ before, step float64 }

func (l *last) Observe(_ int64, values []float64) model.Verdict {
	v := model.Verdict{Expected: l.before, Lower: l.before - l.step, Upper: l.before + l.step}
	if d := math.Abs(values[0]-l.before) / l.step; !math.IsNaN(d) {
		v.Score = d
	}
	l.before = values[0]
	return v
}

func (l *last) AppendBinary(b []byte) ([]byte, error) { return b, nil }
func (l *last) UnmarshalBinary([]byte) error          { return errors.New("it is not kept") }

// belfryOfLast is belfry with that model, of one series or of two, and no other.
func belfryOfLast() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	one := func(_ int, s model.Settings, _ *time.Location) model.Model {
		return &last{before: math.NaN(), step: s["step"]}
	}
	step := []model.Option{{Name: "step", Default: 1, Min: 0.1, Max: 100, Meaning: "how large"}}
	code := run(ctx, os.Args[1:], &globals{stdout: os.Stdout, stderr: os.Stderr, kinds: []model.Kind{
		{Name: "last", Summary: "Steps.", Options: step, New: one},
		{Name: "both", Summary: "Steps of the first.", Joint: true, Options: step, New: one},
	}})
	stop()
	os.Exit(code)
}

// TestBacktestScripts runs the stories in testdata/backtest beside a database, data, in which W17 was full on 1 May 2026
// from 10:00 to 10:10.
func TestBacktestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/backtest", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			demo, err := filepath.Abs("../../internal/demo/data")
			if err != nil {
				return err
			}
			data, err := filepath.Abs("testdata/data")
			if err != nil {
				return err
			}
			env.Setenv("DEMO", demo)
			env.Setenv("DATA", data)
			env.Setenv("LANG", "C")
			return storeWells(filepath.Join(env.WorkDir, "data", "tsdb"))
		},
	})
}

func storeWells(dir string) error {
	o := tsdb.DefaultOptions()
	o.RetentionDuration = 0
	db, err := tsdb.Open(dir, promslog.NewNopLogger(), nil, o, nil)
	if err != nil {
		return err
	}
	start := time.Date(2026, 5, 1, 9, 30, 0, 0, time.UTC)
	app := db.Appender(context.Background())
	for at := start; at.Before(start.Add(time.Hour)); at = at.Add(10 * time.Second) {
		level := 1.0
		if m := at.Sub(start); m >= 30*time.Minute && m < 40*time.Minute {
			level = 3
		}
		if _, err := app.Append(0, labels.FromStrings(promodel.MetricNameLabel, "well_level_m", "asset", "W17"), at.UnixMilli(), level); err != nil {
			return err
		}
	}
	return errors.Join(app.Commit(), db.Close())
}
