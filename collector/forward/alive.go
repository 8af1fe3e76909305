package forward

import (
	"context"
	"time"
)

const (
	// unheard is for how long a target has not answered that is asked whether it
	// is alive.
	unheard = time.Second
	// lastWord is how long it has for it when the forwarder stops.
	lastWord = 2 * time.Second
)

// watchOver asks the target for signs of life when there is nothing to send and
// it may not have on disk all that it has accepted: its connections stay open and
// silent when it is stopped or its machine suspended.
func (f *Forwarder) watchOver(ctx context.Context) {
	for sleep(ctx, unheard/4) == nil {
		open, seen := f.progress.unsettled()
		if !open || time.Since(seen) < unheard || f.health.failing() {
			continue
		}
		if f.client.Alive(ctx) == nil {
			f.progress.see(time.Now())
		}
	}
}

// leavesClean says whether a next start may go on behind what was accepted last:
// not where the target may have died with a part of it in memory.
func (f *Forwarder) leavesClean(ctx context.Context) bool {
	open, _ := f.progress.unsettled()
	if !open {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, lastWord)
	defer cancel()
	return f.client.Alive(ctx) == nil
}
