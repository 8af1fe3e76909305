package recorded

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Run is one of the pump of SKAB (Katser and Kozitsin, Skoltech Anomaly Benchmark, 2020): eight sensors, once a second.
type Run struct {
	// Name is the file without its folder's folder, such as valve1/0.
	Name   string
	Times  []int64 // milliseconds
	Values [][]float64
	// Wrong are the rows in which the loop had a fault.
	Wrong []bool
	// Labelled is false of the run that has none, in which no fault is known.
	Labelled bool
}

// PumpSensors are how many a run has.
const PumpSensors = 8

// Pump are the runs below a folder, which has folders of CSV files. Of none it returns none.
func Pump(dir string) (runs []Run, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.csv"))
	if err != nil {
		return nil, fmt.Errorf("looking for runs of SKAB: %w", err)
	}
	for _, file := range files {
		r, err := pumpRun(file)
		if err != nil {
			return nil, fmt.Errorf("reading a run of SKAB: %s: %w", file, err)
		}
		runs = append(runs, r)
	}
	return runs, nil
}

func pumpRun(file string) (Run, error) {
	f, err := os.Open(file) //nolint:gosec // whoever tries detectors says where the runs are
	if err != nil {
		return Run{}, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	c := csv.NewReader(f)
	c.Comma = ';'
	rows, err := c.ReadAll()
	if err != nil {
		return Run{}, err
	}
	base := filepath.Base(file)
	run := Run{Name: filepath.Base(filepath.Dir(file)) + "/" + base[:len(base)-len(".csv")]}
	for i, row := range rows {
		if i == 0 {
			run.Labelled = len(row) > 1+PumpSensors
			continue
		}
		if len(row) < 1+PumpSensors {
			return Run{}, fmt.Errorf("line %d: want a time and %d numbers", i+1, PumpSensors)
		}
		at, err := time.Parse("2006-01-02 15:04:05", row[0])
		if err != nil {
			return Run{}, fmt.Errorf("line %d: want a time: %w", i+1, err)
		}
		values := make([]float64, PumpSensors)
		for k := range values {
			if values[k], err = strconv.ParseFloat(row[1+k], 64); err != nil {
				return Run{}, fmt.Errorf("line %d: want a number: %w", i+1, err)
			}
		}
		run.Times, run.Values = append(run.Times, at.UnixMilli()), append(run.Values, values)
		run.Wrong = append(run.Wrong, run.Labelled && row[1+PumpSensors] == "1.0")
	}
	return run, nil
}
