package forward

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/belfry-city/belfry/collector/forward/remote"
)

const (
	// mostRequests bounds the search for what the target refuses in one batch.
	mostRequests = 2000
	// enoughRefused is after how many requests without any success it is taken
	// that the target refuses everything.
	enoughRefused = 127
	// patience is for how long a batch is tried of which the target takes
	// nothing, although it has taken others before.
	patience      = 30 * time.Second
	leastBytes    = 64 << 10
	dropsTold     = time.Minute
	mostOfExample = 200
)

// delivery sends batches to one target, whatever it takes. It is safe for
// concurrent use.
type delivery struct {
	client  *remote.Client
	health  *health
	metrics *targetMetrics
	logger  *slog.Logger

	mostBytes atomic.Int64 // of one request
	accepted  atomic.Int64 // when the target last accepted something, in Unix nanoseconds; 0: never

	mu        sync.Mutex
	toldDrops time.Time
	untold    int
}

// piece is a part of a batch that the target does not take.
type piece struct {
	lines   []byte
	count   int
	failure *remote.Failure
}

// send returns when the target has accepted the lines, apart from those that it
// refuses, which are counted. The error is the context's.
func (d *delivery) send(ctx context.Context, lines []byte, count int) error {
	started := time.Now()
	for try := 1; ; try++ {
		before := d.acceptedSince(started) // by another sender
		refused, accepted, err := d.search(ctx, piece{lines: lines, count: count}, started)
		if err != nil {
			return err
		}
		switch {
		case len(refused) == 0:
			return nil
		case accepted, before, d.accepted.Load() > 0 && time.Since(started) > patience:
			d.drop(refused)
			return nil
		case d.acceptedSince(started):
			continue // perhaps the target has changed its mind just now
		}
		// It may be the address that is wrong, and not the data.
		if try == 1 {
			d.logger.Error("the target refuses all of a batch; it is tried again", "err", refused[0].failure.Err)
		}
		if err := sleep(ctx, pause(try+3, 0)); err != nil {
			return err
		}
	}
}

func (d *delivery) acceptedSince(t time.Time) bool { return d.accepted.Load() > t.UnixNano() }

// search sends a piece, and halves of what is refused, until it knows which
// lines are. The larger pieces are tried first. What was refused before anything
// was accepted is tried again after.
func (d *delivery) search(ctx context.Context, all piece, started time.Time) (refused []piece, accepted bool, err error) {
	open := []piece{all}
	var early []piece
	for requests := 1; len(open) > 0; requests++ {
		p := open[0]
		open = open[1:]
		if p.failure, err = d.attempt(ctx, p.lines); err != nil {
			return nil, false, err
		}
		if p.failure == nil || d.partly(&p) {
			d.metrics.sent(p.count, len(p.lines))
			accepted = true
			open, early = append(open, early...), nil
			continue
		}
		switch {
		case p.failure.Kind == remote.TooLarge && p.count > 1:
			d.mostBytes.Store(max(leastBytes, min(d.mostBytes.Load(), int64(len(p.lines)/2))))
			fallthrough
		case p.count > 1 && requests < mostRequests:
			left, right := p.halves()
			open = append(open, left, right)
		case accepted || requests >= mostRequests:
			refused = append(refused, p)
		default:
			early = append(early, p)
		}
		if requests >= enoughRefused && !accepted && !d.acceptedSince(started) {
			return pieces(append(early, open...)).failing(p.failure), false, nil
		}
	}
	return append(refused, early...), accepted, nil
}

type pieces []piece

func (ps pieces) failing(f *remote.Failure) []piece {
	for i := range ps {
		if ps[i].failure == nil {
			ps[i].failure = f
		}
	}
	return ps
}

func (p piece) halves() (left, right piece) {
	half := p.count / 2
	end := 0
	for range half {
		end += bytes.IndexByte(p.lines[end:], '\n') + 1
	}
	return piece{lines: p.lines[:end], count: half}, piece{lines: p.lines[end:], count: p.count - half}
}

// attempt sends lines until there is an answer that is about them. The failure
// is nil when they were accepted.
func (d *delivery) attempt(ctx context.Context, lines []byte) (*remote.Failure, error) {
	for {
		if err := d.health.enter(ctx); err != nil {
			return nil, err
		}
		err := d.client.Send(ctx, lines)
		if err == nil {
			d.health.leave(nil)
			d.accepted.Store(time.Now().UnixNano())
			return nil, nil
		}
		if ctx.Err() != nil {
			d.health.abandon()
			return nil, ctx.Err()
		}
		var f *remote.Failure
		if !errors.As(err, &f) {
			f = &remote.Failure{Kind: remote.Away, Err: err}
		}
		d.metrics.failed(f.Kind)
		d.health.leave(f)
		if f.Kind == remote.Refused || f.Kind == remote.TooLarge {
			return f, nil
		}
	}
}

// partly recognises an answer by which InfluxDB has stored all but some points:
// "partial write: … dropped=1" (InfluxDB 1.x and 2.x, tsdb.PartialWriteError).
// Those are counted, and taken off the piece.
func (d *delivery) partly(p *piece) bool {
	text := p.failure.Error()
	if p.failure.Kind != remote.Refused || !strings.Contains(text, "partial write") {
		return false
	}
	found := regexp.MustCompile(`\bdropped=(\d+)`).FindStringSubmatch(text)
	if found == nil {
		return false
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		return false
	}
	d.accepted.Store(time.Now().UnixNano())
	without := *p
	without.count = min(n, p.count)
	d.drop([]piece{without})
	p.count -= without.count
	return true
}

// drop counts what the target refuses for good.
func (d *delivery) drop(refused []piece) {
	total := 0
	for _, p := range refused {
		total += p.count
		d.metrics.dropped(string(p.failure.Kind), p.count)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.untold += total
	if time.Since(d.toldDrops) < dropsTold {
		return
	}
	first := refused[0]
	example, _, _ := bytes.Cut(first.lines, []byte("\n"))
	d.logger.Error("the target refuses samples; they are left out", "samples", d.untold, "err", first.failure.Err,
		"such_as", fmt.Sprintf("%.*s", mostOfExample, example))
	d.untold, d.toldDrops = 0, time.Now()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
