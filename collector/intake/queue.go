package intake

import (
	"context"
	"errors"
	"time"

	"github.com/sourcegraph/conc"
	"golang.org/x/sync/semaphore"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// Queue is the way of many small messages: those that are under way at a time
// share one append and one sync, and nobody waits for the disk between two
// messages of one sender. While the store cannot take anything, the queue keeps
// what it has and fills up, so that senders are held back, and nothing is lost.
type Queue struct {
	in    *Intake
	name  string
	jobs  chan taken
	bytes *semaphore.Weighted
	// appended are batches that wait for the disk.
	appended chan *taking
}

const (
	queuedMessages = 16 << 10
	// batchSamples and batchMessages end a batch, so that the first message of
	// it does not wait for ever more.
	batchSamples  = 8192
	batchMessages = 4096
	// messageBytes is what a message takes besides its body.
	messageBytes = 256
	// firstRetry and lastRetry are how long a batch waits for a store that could
	// not take it.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// NewQueue returns a queue for the named input. bytes bounds the bodies of all
// messages in it. It works while Run runs.
func (in *Intake) NewQueue(name string, bytes int64) *Queue {
	return &Queue{
		in: in, name: name, jobs: make(chan taken, queuedMessages), bytes: semaphore.NewWeighted(bytes),
		appended: make(chan *taking, 4),
	}
}

// ErrStopped is what the messages of a queue get that has been stopped before
// they were on disk.
var ErrStopped = errors.New("not stored: Belfry is stopping")

// Submit hands over a message, and waits while the queue is full. When what the
// message says is on disk, or cannot be stored any more, done is called, once
// and in the order of submission; it must not wait. m and its body belong to
// the queue until then. With an error done is not called.
func (q *Queue) Submit(ctx context.Context, m *input.Message, d input.Decoder, done func(Result, error)) error {
	if err := q.bytes.Acquire(ctx, size(m)); err != nil {
		return err
	}
	select {
	case q.jobs <- taken{message: m, decoder: d, done: done}:
		return nil
	case <-ctx.Done():
		q.bytes.Release(size(m))
		return ctx.Err()
	}
}

func size(m *input.Message) int64 { return int64(len(m.Body)) + messageBytes }

// Run works until ctx ends. Messages whose batch is being stored are finished;
// the others get ErrStopped. Nothing may be submitted after that.
func (q *Queue) Run(ctx context.Context) {
	var syncing conc.WaitGroup
	syncing.Go(func() { q.settle(ctx) })
	for q.next(ctx) {
	}
	close(q.appended)
	syncing.Wait()
	for {
		select {
		case m := <-q.jobs:
			q.finish(&m, ErrStopped)
		default:
			return
		}
	}
}

// next makes one batch of what there is, and appends it.
func (q *Queue) next(ctx context.Context) bool {
	var m taken
	select {
	case <-ctx.Done():
		return false
	case m = <-q.jobs:
	}
	t := q.in.newTaking()
	began, err := q.in.awaitTurn(ctx)
	if err != nil {
		t.messages = append(t.messages, m)
		q.answer(t, ErrStopped)
		return false
	}
	for more := true; more; {
		q.in.decode(t, m)
		if t.batch.Samples() >= batchSamples || len(t.messages) >= batchMessages {
			break
		}
		select {
		case m = <-q.jobs:
		default:
			more = false
		}
	}
	err = q.in.appendTaking(ctx, t)
	q.in.endTurn(began)
	if err = q.untilTaken(ctx, t, err); err != nil {
		q.answer(t, ErrStopped)
		return false
	}
	q.appended <- t
	return true
}

// untilTaken appends the batch again and again for as long as the store
// refuses.
func (q *Queue) untilTaken(ctx context.Context, t *taking, err error) error {
	for wait := firstRetry; err != nil; wait = min(2*wait, lastRetry) {
		if errors.Is(err, tsdb.ErrClosed) || !pause(ctx, wait) {
			return err
		}
		err = q.in.appendAgain(ctx, t)
	}
	return nil
}

// settle waits for the disk and answers. Batches that have come meanwhile share
// the next sync.
func (q *Queue) settle(ctx context.Context) {
	for first := range q.appended {
		group := []*taking{first}
		for more := true; more; {
			select {
			case t, ok := <-q.appended:
				if more = ok; ok {
					group = append(group, t)
				}
			default:
				more = false
			}
		}
		err := q.in.settleAll(group)
		for _, t := range group {
			q.answer(t, q.untilSettled(ctx, t, err))
		}
	}
}

// untilSettled stores a batch again for as long as it could not be brought to
// disk. What has been stored is also finished while everything stops.
func (q *Queue) untilSettled(ctx context.Context, t *taking, err error) error {
	for wait := firstRetry; err != nil; wait = min(2*wait, lastRetry) {
		if errors.Is(err, tsdb.ErrClosed) || !pause(ctx, wait) {
			return err
		}
		if err = q.in.appendAgain(ctx, t); err == nil {
			err = q.in.settleAll([]*taking{t})
		}
	}
	q.in.report(q.name, t)
	return nil
}

// pause returns false when ctx ends before the time is over.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (q *Queue) answer(t *taking, err error) {
	for i := range t.messages {
		q.finish(&t.messages[i], err)
	}
	q.in.release(t)
}

func (q *Queue) finish(m *taken, err error) {
	q.bytes.Release(size(m.message))
	m.done(m.res, err)
}
