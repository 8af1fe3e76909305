package hj212

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/pool"
)

// FleetOptions describe a fleet.
type FleetOptions struct {
	Addr    string
	Devices int
	// Pollutants is how many values a report has, at most 8.
	Pollutants int
	// Interval is what lies between two reports of a device; the devices'
	// reports are spread over it. 0 means as fast as reports are answered, with
	// times of the past 20 hours, a second apart.
	Interval time.Duration
	// Password is that of all devices.
	Password string
}

// Result is what became of a fleet's reports.
type Result struct {
	Connected    int
	Reports      int64 // acknowledged
	Readings     int64 // in them
	Lost         int64 // reports that were not acknowledged
	Took         time.Duration
	Acknowledged *hdrhistogram.Histogram // microseconds from sending to the answer
}

// MN is the number of device n.
func MN(n int) string { return fmt.Sprintf("010000A8900016F%09d", n) }

func pollutants() []string {
	return []string{"w01018", "w21003", "w21011", "w01001", "w01010", "w00000", "w21001", "w01009"}
}

// area is a data area with values that are all N.
func area(rnd *rand.Rand, codes []string, at time.Time) string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "DataTime=%s", at.Format("20060102150405"))
	for _, code := range codes {
		_, _ = fmt.Fprintf(&b, ";%s-Rtd=%.2f,%s-Flag=N", code, 5+10*rnd.Float64(), code)
	}
	return b.String()
}

// Fleet is devices that are connected.
type Fleet struct {
	opts  FleetOptions
	conns []*Conn
}

// Connect connects all devices, some dozens at a time.
func Connect(ctx context.Context, o FleetOptions) (*Fleet, error) {
	f := &Fleet{opts: o, conns: make([]*Conn, o.Devices)}
	const atOnce = 64
	dialing := pool.New().WithContext(ctx).WithMaxGoroutines(atOnce).WithFirstError().WithCancelOnError()
	for i := range f.conns {
		dialing.Go(func(context.Context) (err error) {
			f.conns[i], err = Dial(o.Addr)
			return err
		})
	}
	if err := dialing.Wait(); err != nil {
		f.Close()
		return nil, fmt.Errorf("connecting %d devices: %w", o.Devices, err)
	}
	return f, nil
}

// Close disconnects all devices.
func (f *Fleet) Close() {
	for _, c := range f.conns {
		if c != nil {
			_ = c.Close()
		}
	}
}

// Run reports for a time. Each device sends at its own moment of the interval,
// whether or not the report before it was acknowledged in time.
func (f *Fleet) Run(ctx context.Context, during time.Duration) Result {
	ctx, cancel := context.WithTimeout(ctx, during)
	defer cancel()
	var reports, lost, connected atomic.Int64
	var mu sync.Mutex
	res := Result{Acknowledged: newTimes()}
	began := time.Now()
	var devices conc.WaitGroup
	for i, c := range f.conns {
		devices.Go(func() {
			d := device{fleet: f, n: i, conn: c, rnd: rand.New(rand.NewPCG(1, uint64(i)))}
			alive := d.run(ctx, began)
			reports.Add(d.acknowledged)
			lost.Add(d.lost)
			if alive {
				connected.Add(1)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, us := range d.times {
				_ = res.Acknowledged.RecordValue(us)
			}
		})
	}
	devices.Wait()
	res.Took = time.Since(began)
	res.Connected, res.Reports, res.Lost = int(connected.Load()), reports.Load(), lost.Load()
	res.Readings = res.Reports * int64(f.opts.Pollutants)
	return res
}

// newTimes are microseconds up to a minute.
func newTimes() *hdrhistogram.Histogram { return hdrhistogram.New(1, 60_000_000, 3) }

// device is one of a fleet while it runs.
type device struct {
	fleet        *Fleet
	n            int
	conn         *Conn
	rnd          *rand.Rand
	acknowledged int64
	lost         int64
	times        []int64
}

// past is how long ago the readings of a fleet without an interval begin.
const past = 20 * time.Hour

func (d *device) run(ctx context.Context, began time.Time) (alive bool) {
	o := &d.fleet.opts
	due := began.Add(time.Duration(d.n) * o.Interval / time.Duration(max(o.Devices, 1)))
	self := Device{MN: MN(d.n), PW: o.Password, ST: "32"}
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	const patience = 10 * time.Second // the standard's, for mobile networks
	at := began.Add(-past)
	for {
		select {
		case <-ctx.Done():
			return true
		case <-timer.C:
		}
		sent := time.Now()
		if at = at.Add(time.Second); o.Interval > 0 {
			at = sent
		}
		qn := Clock(at)
		segment := self.Segment(qn, 2011, 5, area(d.rnd, pollutants()[:o.Pollutants], at))
		if err := d.conn.Report(segment, qn, patience); err != nil {
			d.lost++
			return false
		}
		d.acknowledged++
		d.times = append(d.times, time.Since(sent).Microseconds())
		due = due.Add(o.Interval)
		timer.Reset(time.Until(due))
	}
}
