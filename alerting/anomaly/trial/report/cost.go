package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"syscall"
	"time"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

const (
	costModels  = 40
	costWarmup  = 3000 // samples before time is taken
	costSamples = 1000
	costJoint   = 8 // series of a joint model
)

// costOf is what one model costs, of a joint one for all of its series.
type costOf struct {
	observe time.Duration
	state   int     // bytes
	heap    float64 // bytes
}

func cost(w io.Writer, kinds []model.Kind) error {
	var rows [][]string
	for _, k := range kinds {
		name, series := k.Name, 1
		if k.Joint {
			name, series = fmt.Sprintf("%s, for %d series together", k.Name, costJoint), costJoint
		}
		c, err := measure(k, series)
		if err != nil {
			return err
		}
		cores := float64(c.observe) / float64(10*time.Second) * 100_000 / float64(series)
		rows = append(rows, []string{
			name, fmt.Sprint(c.observe.Nanoseconds()), fmt.Sprint(c.state), number(c.heap, 0), number(cores, 2),
		})
	}
	if err := text(w, fmt.Sprintf("## Cost: %d models after %d samples of noise with a rhythm, %s/%s\n\n",
		costModels, costWarmup, runtime.GOOS, runtime.GOARCH)); err != nil {
		return err
	}
	return table(w, []string{"model", "ns of a core an observation", "bytes of state", "bytes of heap", "cores for 100,000 series every 10 s"}, rows)
}

func measure(k model.Kind, series int) (c costOf, err error) {
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // it is to be the same each time
	values := make([][]float64, costWarmup+costSamples)
	for i := range values {
		values[i] = make([]float64, series)
		for s := range values[i] {
			values[i][s] = 5*math.Sin(2*math.Pi*float64(i)/288) + r.NormFloat64()
		}
	}
	before := heap()
	models := make([]model.Model, costModels)
	for i := range models {
		models[i] = k.New(series, k.Defaults(), nil)
		for t := range costWarmup {
			models[i].Observe(int64(t)*300_000, values[t])
		}
	}
	c.heap = (heap() - before) / costModels
	began, err := busy()
	if err != nil {
		return c, err
	}
	for t := costWarmup; t < len(values); t++ {
		for _, m := range models {
			m.Observe(int64(t)*300_000, values[t])
		}
	}
	ended, err := busy()
	if err != nil {
		return c, err
	}
	c.observe = (ended - began) / (costModels * costSamples)
	state, err := models[0].AppendBinary(nil)
	if err != nil {
		return c, fmt.Errorf("%s: state: %w", k.Name, err)
	}
	c.state = len(state)
	return c, nil
}

// busy is for how long this process has kept processors busy, whatever else runs.
func busy() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("asking for the time of the processor: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// heap is how many bytes live.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
