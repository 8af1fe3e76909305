package demo

import (
	"context"
	"fmt"
	"time"
)

const (
	// tick is how often what has become due is sent, in one request.
	tick = 100 * time.Millisecond
	// oneRequest is the longest stretch of time that one request holds.
	oneRequest = time.Second
	// oldest is how far the feed looks back after it could not send, or after
	// the machine has slept.
	oldest = time.Minute
)

// feed plays recordings and district into one Belfry.
type feed struct {
	replays  []*replay
	district *district
	send     func(ctx context.Context, lines []byte, values int) error
}

// run sends until ctx ends. What is under way then is still answered.
func (f *feed) run(ctx context.Context) error {
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for {
		if err := f.catchUp(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// catchUp sends everything that is due.
func (f *feed) catchUp(ctx context.Context) error {
	for ctx.Err() == nil {
		now := time.Now()
		until := f.district.said.Add(oneRequest)
		if behind := now.Add(-oldest); until.Before(behind) {
			f.skip(behind)
			until = behind
		}
		last := !until.Before(now)
		if last {
			until = now
		}
		lines, values, err := f.collect(until)
		if err != nil {
			return err
		}
		if values > 0 {
			if err := f.send(ctx, lines, values); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
	return nil
}

// skip leaves out what was due before an instant.
func (f *feed) skip(until time.Time) {
	f.district.said = until.Truncate(time.Millisecond)
	for _, r := range f.replays {
		r.appendDue(nil, until)
	}
}

func (f *feed) collect(until time.Time) (lines []byte, values int, err error) {
	lines, values, err = f.district.appendDue(nil, until)
	if err != nil {
		return nil, 0, fmt.Errorf("read the simulated district: %w", err)
	}
	for _, r := range f.replays {
		more := 0
		lines, more = r.appendDue(lines, until)
		values += more
	}
	return lines, values, nil
}
