package forward

import (
	"context"
	"errors"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/wal/tail"
)

const (
	poll        = 100 * time.Millisecond // how often the end of the log is looked at
	supervision = 50 * time.Millisecond
)

// ending is why a session ended.
type ending int

const (
	stopped ending = iota // nothing is left to do
	died                  // the target seems to have
	moved                 // the log is another than it was
)

// session is reading and sending without a step back: one goroutine reads,
// some send, and one notes in the order of the log what has been accepted.
type session struct {
	f          *Forwarder
	generation uint64

	free chan *batch
	full chan *batch
	done chan *batch

	given tail.Position // of the reading goroutine: up to where batches were made
	seq   uint64
}

// errLog says that the database could not be asked to sync.
var errLog = errors.New("the log is not synced")

func (f *Forwarder) session(ctx context.Context, generation uint64) ending {
	connections := f.opts.Connections
	s := &session{
		f: f, generation: generation,
		free: make(chan *batch, connections+1),
		full: make(chan *batch),
		done: make(chan *batch, connections+1),
	}
	for range connections + 1 {
		s.free <- &batch{}
	}
	ctx, cancel := context.WithCancel(ctx)
	var work conc.WaitGroup
	work.Go(func() {
		defer close(s.full)
		s.read(ctx)
	})
	work.Go(func() {
		defer close(s.done)
		var senders conc.WaitGroup
		for range connections {
			senders.Go(func() { s.send(ctx) })
		}
		senders.Wait()
	})
	why := s.supervise(ctx)
	cancel()
	work.Wait()
	return why
}

// read makes batches until the context ends, or there is nothing more and the
// forwarder is to stop.
func (s *session) read(ctx context.Context) {
	for {
		var b *batch
		select {
		case <-ctx.Done():
			return
		case b = <-s.free:
		}
		b.reset(s.f.opts.Batch, int(s.f.delivery.mostBytes.Load()), s.f.speller.encoder)
		if !s.fill(ctx, b) {
			return
		}
		b.seq = s.seq
		s.seq++
		s.given = b.end
		select {
		case <-ctx.Done():
			return
		case s.full <- b:
		}
	}
}

// fill returns false where there is nothing to send and will not be.
func (s *session) fill(ctx context.Context, b *batch) bool {
	reader := s.f.reader
	for {
		end, err := reader.Read(b)
		s.f.noteLost(reader.TakeLost())
		if err != nil {
			s.f.logger.Error("the log cannot be read; it is tried again", "err", err)
			if sleep(ctx, time.Second) != nil {
				return false
			}
			continue
		}
		b.end, b.known = reader.Position()
		s.f.metrics.series.Store(int64(reader.Series()))
		draining := s.f.isStopping()
		waited := b.count > 0 && (draining || time.Since(b.since) >= s.f.opts.Wait)
		if !end || waited || b.count == 0 && b.known && b.end != s.given {
			return true
		}
		if draining {
			return false
		}
		if sleep(ctx, poll) != nil {
			return false
		}
	}
}

// send delivers batches.
func (s *session) send(ctx context.Context) {
	for b := range s.full {
		b.err = s.deliver(ctx, b)
		s.done <- b // there is room for all of them
	}
}

func (s *session) deliver(ctx context.Context, b *batch) error {
	if b.count == 0 {
		return nil
	}
	if err := s.f.opts.Log.Sync(ctx, s.generation); err != nil {
		return errors.Join(errLog, err)
	}
	return s.f.delivery.send(ctx, b.lines, b.count)
}

// supervise notes what was accepted, and ends when the session has to.
func (s *session) supervise(ctx context.Context) ending {
	f := s.f
	tick := time.NewTicker(supervision)
	defer tick.Stop()
	waiting := map[uint64]*batch{}
	for next := uint64(0); ; {
		select {
		case <-ctx.Done():
			return stopped
		case <-f.moved:
			return moved
		case <-f.client.Dead():
			if f.progress.rewind(true) {
				return died
			}
		case <-f.client.Suspect():
			if f.progress.rewind(false) {
				return died
			}
		case <-tick.C:
			if f.opts.Log.Generation() != s.generation {
				return moved
			}
			if f.isStopping() && f.health.failing() {
				return stopped
			}
		case b, ok := <-s.done:
			if !ok {
				return stopped
			}
			if b.err != nil {
				if errors.Is(b.err, errLog) && ctx.Err() == nil {
					return moved
				}
				return stopped
			}
			for waiting[b.seq] = b; waiting[next] != nil; next++ {
				s.accepted(waiting[next])
				delete(waiting, next)
			}
		}
	}
}

func (s *session) accepted(b *batch) {
	s.f.metrics.skipped(b.skips)
	if b.known {
		s.f.progress.ack(b.end, b.count > 0, time.Now())
	}
	s.free <- b // there is room for all of them
}
