package tsdb

import (
	"sync/atomic"
)

const (
	maxReserve = 256 << 20
	// reserveShare of a volume is kept free where that is less than maxReserve.
	reserveShare = 10
)

// diskRoom tells whether the volume has more free space than the reserve.
// Upstream's WAL must never meet a full disk: it would go on committing to
// memory and lose those samples at the next start.
type diskRoom struct {
	opts    Options
	free    atomic.Int64
	reserve atomic.Int64
}

func newDiskRoom(opts Options) *diskRoom {
	return &diskRoom{opts: opts}
}

// check asks the file system each time: a request is thousands of samples, the
// question costs a microsecond.
func (d *diskRoom) check() error {
	free, total, err := d.opts.FreeBytes(d.opts.Dir)
	if err != nil {
		return err
	}
	reserve := d.opts.DiskReserve
	if reserve == 0 {
		reserve = min(maxReserve, total/reserveShare)
	}
	d.free.Store(free)
	d.reserve.Store(reserve)
	if free < reserve {
		return ErrDiskFull
	}
	return nil
}

func (d *diskRoom) freeGauge() float64 {
	_ = d.check()
	return float64(d.free.Load())
}

func (d *diskRoom) reserveGauge() float64 { return float64(d.reserve.Load()) }
