package inputs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/belfry-city/belfry/loadtest/bench/server"
	"github.com/belfry-city/belfry/loadtest/hj212"
)

// HJ212Options say how many devices there are and how often they report; with
// an interval of 0, as fast as they are answered.
type HJ212Options struct {
	Devices  int
	Interval time.Duration
	During   time.Duration
}

// hj212Pollutants is how many values a report has.
const hj212Pollutants = 4

// HJ212 connects devices to a fresh Belfry and lets them report. dir must
// exist. The limit of open files bounds how many there can be.
func HJ212(ctx context.Context, b server.Belfry, dir string, o HJ212Options) (row Row, err error) {
	addr, err := unusedAddress(ctx)
	if err != nil {
		return row, err
	}
	if dir, err = os.MkdirTemp(dir, "hj212-"); err != nil {
		return row, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b.Inputs = fmt.Sprintf("{hj212: {listen: %q}}", addr)
	s, err := server.Start(ctx, b, dir)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, s.Kill()) }()
	fleet, err := hj212.Connect(ctx, hj212.FleetOptions{
		Addr: addr, Devices: o.Devices, Pollutants: hj212Pollutants, Interval: o.Interval, Password: "123456",
	})
	if err != nil {
		return row, err
	}
	defer fleet.Close()
	// The first report of a device makes its series. None may send a second one
	// so soon, for DataTime has whole seconds.
	if o.Interval > 0 {
		fleet.Run(ctx, o.Interval-o.Interval/10)
	}
	before, err := s.Used()
	if err != nil {
		return row, err
	}
	res := fleet.Run(ctx, o.During)
	after, err := s.Used()
	if err != nil {
		return row, err
	}
	if res.Lost > 0 || res.Connected != o.Devices {
		return row, fmt.Errorf("hj212: %d of %d devices stayed connected, %d reports were not acknowledged", res.Connected, o.Devices, res.Lost)
	}
	row = measured(s.Name(), "hj212", before, after, res.Took, res.Acknowledged)
	row.Messages, row.Samples = res.Reports, res.Readings
	row.Note = fmt.Sprintf("%d devices, a report of %d readings every %s", o.Devices, hj212Pollutants, o.Interval)
	if o.Interval == 0 {
		row.Note = fmt.Sprintf("%d devices, reports of %d readings as fast as answered", o.Devices, hj212Pollutants)
	}
	return row, nil
}
