package intake

import (
	"context"
	"runtime"
	"time"
)

// parallel is how many parts are parsed and appended at once.
func parallel() int64 { return int64(2 * runtime.GOMAXPROCS(0)) }

// Waiting is how many writes wait for their turn.
func (in *Intake) Waiting() int { return int(max(0, in.wanted.Load()-parallel())) }

// Worked is for how long writes have held their turns, all of them together.
func (in *Intake) Worked() time.Duration { return time.Duration(in.worked.Load()) }

// awaitTurn waits for a turn for as long as it takes, and returns when it began.
func (in *Intake) awaitTurn(ctx context.Context) (time.Time, error) {
	in.wanted.Add(1)
	err := in.turns.Acquire(ctx, 1)
	if err != nil {
		in.wanted.Add(-1)
	}
	return time.Now(), err
}

// takeTurn waits for a turn while rules keep up, and not for long.
func (in *Intake) takeTurn(ctx context.Context) (began time.Time, err error) {
	if in.turns.TryAcquire(1) {
		in.wanted.Add(1)
		return time.Now(), nil
	}
	if in.opts.Lag() > maxLag {
		in.unheard()
		return began, ErrOverload
	}
	wait, cancel := context.WithTimeout(ctx, turnWait)
	defer cancel()
	if began, err = in.awaitTurn(wait); err != nil {
		if ctx.Err() != nil {
			return began, ctx.Err()
		}
		in.unheard()
		return began, ErrOverload
	}
	return began, nil
}

func (in *Intake) endTurn(began time.Time) {
	in.worked.Add(int64(time.Since(began)))
	in.wanted.Add(-1)
	in.turns.Release(1)
}
