package forward

import (
	"context"
	"time"
)

// unheard is for how long a target has not answered that is asked whether it is
// alive.
const unheard = time.Second

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
