package intake

import (
	"context"
	"errors"

	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/capture"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// Appender is the way of upstream's producers of samples, which have labels
// and values in hand. What is appended is kept until Commit, which returns when
// it is on disk; what was refused is counted and no error. With an error from
// Commit nothing may be acknowledged, although a part may have been stored.
func (in *Intake) Appender(ctx context.Context, from Source) storage.AppenderV2 {
	t := in.newTaking()
	t.messages = append(t.messages, taken{message: &input.Message{Sender: from.Sender}, first: t.builder.Message(nil)})
	return &appender{Appender: capture.New(&t.builder), in: in, ctx: ctx, from: from, taking: t}
}

type appender struct {
	*capture.Appender
	in     *Intake
	ctx    context.Context // of the transaction, as upstream has it
	from   Source
	taking *taking
}

// Commit implements storage.AppenderV2.
func (a *appender) Commit() error {
	t := a.taking
	defer a.in.release(t)
	t.messages[0].fields = t.batch.Samples()
	if err := a.store(t); err != nil {
		if !errors.Is(err, context.Canceled) {
			a.in.Refuse(a.from, reading.Refusal{Reason: ReasonOf(err), Detail: err.Error(), Values: uint32(t.batch.Samples())})
		}
		return err
	}
	a.in.report(a.from.Input, t)
	return nil
}

func (a *appender) store(t *taking) error {
	began, err := a.in.takeTurn(a.ctx)
	if err != nil {
		return err
	}
	err = a.in.appendTaking(a.ctx, t)
	a.in.endTurn(began)
	if err != nil {
		return err
	}
	return a.in.settle(a.ctx, t.receipt, t.batch.Events)
}

// Rollback implements storage.AppenderV2.
func (a *appender) Rollback() error {
	a.in.release(a.taking)
	return nil
}

// ReasonOf says why something could not be stored.
func ReasonOf(err error) reading.Reason {
	switch {
	case errors.Is(err, ErrOverload):
		return reading.ReasonOverload
	case errors.Is(err, tsdb.ErrDiskFull):
		return reading.ReasonDiskFull
	default:
		return reading.ReasonStoreFailed
	}
}
