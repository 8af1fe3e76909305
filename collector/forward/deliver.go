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
		refused, accepted, err := d.search(ctx, piece{lines: lines, count: count}, started)
		if err != nil {
			return err
		}
		ever := d.accepted.Load() > 0
		switch {
		case len(refused) == 0:
			return nil
		case accepted || d.acceptedSince(started) || ever && time.Since(started) > patience:
			d.drop(refused)
			return nil
		}
		// It may be the address that is wrong, and not the data.
		if try == 1 {
			d.logger.Error("the target refuses all of a batch; it is tried again", "err", refused[0].failure.Err, "ever_accepted", ever)
		}
		if err := sleep(ctx, pause(try+3, 0)); err != nil {
			return err
		}
	}
}

func (d *delivery) acceptedSince(t time.Time) bool { return d.accepted.Load() > t.UnixNano() }

// search sends a piece, and halves of what is refused, until it knows which
// lines are. The larger pieces are tried first.
func (d *delivery) search(ctx context.Context, all piece, started time.Time) (refused []piece, accepted bool, err error) {
	open := []piece{all}
	for requests := 1; len(open) > 0; requests++ {
		p := open[0]
		open = open[1:]
		p.failure, err = d.attempt(ctx, p.lines)
		if err != nil {
			return nil, false, err
		}
		switch {
		case p.failure == nil:
			accepted = true
			d.metrics.sent(p.count, len(p.lines))
			continue
		case p.failure.Kind == remote.TooLarge:
			d.mostBytes.Store(max(leastBytes, min(d.mostBytes.Load(), int64(len(p.lines)/2))))
		default:
			if n, ok := partly(p.failure, p.count); ok {
				accepted = true
				d.accepted.Store(time.Now().UnixNano())
				d.metrics.sent(p.count-n, len(p.lines))
				p.count = n
				d.drop([]piece{p})
				continue
			}
		}
		if p.count == 1 || requests >= mostRequests {
			refused = append(refused, p)
			continue
		}
		left, right := p.halves()
		open = append(open, left, right)
		if requests >= enoughRefused && !accepted && !d.acceptedSince(started) {
			return pieces(append(refused, open...)).failing(p.failure), false, nil
		}
	}
	return refused, accepted, nil
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
func partly(f *remote.Failure, count int) (dropped int, ok bool) {
	text := f.Error()
	if f.Kind != remote.Refused || !strings.Contains(text, "partial write") {
		return 0, false
	}
	found := regexp.MustCompile(`\bdropped=(\d+)`).FindStringSubmatch(text)
	if found == nil {
		return 0, false
	}
	n, err := strconv.Atoi(found[1])
	return min(n, count), err == nil
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
