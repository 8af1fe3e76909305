package liveness

import (
	"container/heap"
	"context"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"
)

// loop is what belongs to Run. Times are in milliseconds.
type loop struct {
	all    []*device // those that are reported, or expected
	timers timers
	last   int64 // when Run last looked
	out    []sample
	retry  int64 // when what could not be stored is tried again
	swept  int64 // seconds
	saveAt int64
	saving conc.WaitGroup
	// writing is whether one is under way.
	writing atomic.Bool
	// changed is since when there is something that a restart would not find out.
	changed int64
}

// never is due when there is no telling.
const never = math.MaxInt64

// absent is how late Run is where the process did not run at all, and so could
// not hear: it was stopped, or its machine slept.
const absent = 5_000

// Run finds silent devices, and writes the series, until ctx ends.
func (l *Liveness) Run(ctx context.Context) {
	now := l.now()
	l.deaf.Store(now)
	l.last, l.swept, l.saveAt, l.changed = now, now/1000, now+saveEvery, never
	for _, d := range l.all {
		l.say(d)
		l.schedule(d)
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := l.now()
		l.keepTime(now)
		if l.reload.Swap(false) {
			l.readCatalog(now)
		}
		l.look(now)
		l.expire(now)
		l.sweep(now)
		l.flush(ctx, now)
		l.save(now)
		timer.Reset(time.Duration(l.next()-l.now()) * time.Millisecond)
		select {
		case <-ctx.Done():
			l.saving.Wait()
			l.write(l.snapshot())
			return
		case <-timer.C:
		case <-l.wake:
		}
	}
}

// next is when Run has to look again: the next second, or before.
func (l *Liveness) next() int64 {
	at := (l.last/1000 + 1) * 1000
	if len(l.timers) > 0 {
		at = min(at, l.timers[0].due)
	}
	return at
}

// keepTime notices that nothing could be heard, and that the clock was set back.
func (l *Liveness) keepTime(now int64) {
	switch late := now - l.last; {
	case late > 1000+absent:
		l.deaf.Store(now)
	case late < -1000:
		for _, d := range l.all {
			d.pulse.TurnBack(now)
			d.told, d.seenAt, d.asked = 0, 0, 0
		}
		l.deaf.Store(now)
		l.swept, l.saveAt, l.retry = now/1000, now+saveEvery, 0
		for _, d := range l.all {
			l.schedule(d)
		}
	}
	l.last = now
}

// due is when the time of a device is up.
func (l *Liveness) due(d *device) int64 {
	allowed := d.allowed()
	if allowed == 0 {
		return never
	}
	return max(d.heard(), l.deaf.Load(), d.since) + allowed
}

// schedule sets the timer of a device.
func (l *Liveness) schedule(d *device) {
	due := l.due(d)
	switch set := !d.silent && due != never; {
	case set && d.at >= 0:
		d.due = due
		heap.Fix(&l.timers, d.at)
	case set:
		d.due = due
		heap.Push(&l.timers, d)
	case d.at >= 0:
		heap.Remove(&l.timers, d.at)
	}
}

// look looks at the devices that have something to say.
func (l *Liveness) look(now int64) {
	l.attentionMu.Lock()
	these := l.attention
	l.attention = nil
	l.attentionMu.Unlock()
	var again list
	for _, d := range these {
		l.add(d, now)
		if l.revive(d, now) {
			again.add(d)
		}
		if !d.reported {
			l.report(d, now)
		}
		l.saySeen(d)
		l.schedule(d)
	}
	again.log(l.opts.Logger, "devices are heard again")
}

// revive notes that a device is no longer silent, if it is not.
func (l *Liveness) revive(d *device, now int64) bool {
	if !d.silent || d.allowed() != 0 && d.heard()+d.allowed() <= now {
		return false
	}
	d.silent = false
	l.silent.Add(-1)
	l.changed = min(l.changed, now)
	l.say(d)
	return true
}

// list are devices that are told of in one line of the log.
type list struct {
	n     int
	names []string
}

func (s *list) add(d *device) {
	const named = 10
	if s.n++; len(s.names) < named {
		s.names = append(s.names, d.asset)
	}
}

func (s *list) log(logger *slog.Logger, text string) {
	if s.n > 0 {
		logger.Info(text, "devices", s.n, "assets", strings.Join(s.names, ", "))
	}
}

// add takes a device up that is new, or was forgotten.
func (l *Liveness) add(d *device, now int64) {
	if d.since != 0 {
		return
	}
	d.since = now
	_, d.listed = l.opts.Catalog().Asset(d.asset)
	d.place = len(l.all)
	l.all = append(l.all, d)
	l.changed = min(l.changed, now)
}

// report begins the series of a device.
func (l *Liveness) report(d *device, now int64) {
	d.reported = true
	l.say(d)
	l.changed = min(l.changed, now)
}

// expire finds those whose time is up.
func (l *Liveness) expire(now int64) {
	var these list
	for len(l.timers) > 0 && l.timers[0].due <= now {
		d := l.timers[0]
		if l.due(d) <= now {
			d.want()
		}
		// It may have been heard meanwhile, and has then seen that it is wanted, or is
		// seen here.
		if l.due(d) > now {
			l.schedule(d)
			continue
		}
		heap.Pop(&l.timers)
		d.silent = true
		l.silent.Add(1)
		l.report(d, now)
		these.add(d)
	}
	these.log(l.opts.Logger, "devices are silent")
}

// readCatalog takes up what the catalog expects, and forgets what it has no
// longer.
func (l *Liveness) readCatalog(now int64) {
	c := l.opts.Catalog()
	var gone list
	for _, d := range slices.Clone(l.all) {
		if _, ok := c.Asset(d.asset); !ok && d.listed {
			l.forget(d)
			gone.add(d)
		}
	}
	gone.log(l.opts.Logger, "devices are forgotten that the catalog has no longer")
	for _, a := range c.Assets() {
		interval := a.ExpectedInterval.Milliseconds()
		var d *device
		if interval > 0 {
			d = l.device(a.ID)
		} else {
			l.mu.RLock()
			d = l.devices[a.ID]
			l.mu.RUnlock()
		}
		if d == nil {
			continue
		}
		d.listed = true
		if !d.expect(interval) {
			continue
		}
		l.add(d, now)
		l.revive(d, now)
		if !d.reported {
			l.report(d, now)
		}
		l.schedule(d)
	}
}

// forget ends the series of a device, until it is heard again.
func (l *Liveness) forget(d *device) {
	if d.at >= 0 {
		heap.Remove(&l.timers, d.at)
	}
	if d.silent {
		l.silent.Add(-1)
	}
	if d.reported {
		l.out = append(l.out, sample{d, ends})
	}
	d.silent, d.reported, d.listed, d.since = false, false, false, 0
	d.forget()
	last := l.all[len(l.all)-1]
	l.all[d.place], last.place = last, d.place
	l.all[len(l.all)-1] = nil
	l.all = l.all[:len(l.all)-1]
	l.forgotten.Inc()
}

// timers are a heap of devices by when they are due.
type timers []*device

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].due < t[j].due }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].at, t[j].at = i, j
}

// Push implements heap.Interface.
func (t *timers) Push(x any) {
	d := x.(*device)
	d.at = len(*t)
	*t = append(*t, d)
}

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	old := *t
	d := old[len(old)-1]
	old[len(old)-1] = nil
	d.at = -1
	*t = old[:len(old)-1]
	return d
}
