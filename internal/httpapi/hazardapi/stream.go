package hazardapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/internal/httpapi/params"
)

const (
	// mostFollowers bounds the streams at a time.
	mostFollowers = 256
	// heartbeat is how often something is sent when nothing happens.
	heartbeat = 15 * time.Second
	// patience is how long a client may read nothing until it is cut off.
	patience = 10 * time.Second
	// batch is how many events are read at a time.
	batch = 64
	// comeAgain is how long clients wait before they connect anew, in milliseconds.
	comeAgain = 2000
)

// stream serves GET /api/belfry/v1/stream: what happens to hazards, and the newest
// values of series, as server-sent events.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request) {
	f, err := h.follower(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	cut, leave, ok := h.enter()
	if !ok {
		h.refused.Inc()
		h.fail(w, r, fmt.Errorf("there are %d streams already, or Belfry is stopping", h.opts.followers))
		return
	}
	defer leave()
	if err := f.values.open(r.Context(), h.opts.Values); err != nil {
		h.fail(w, r, err)
		return
	}
	defer f.values.close()
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // for nginx
	if r.Method == http.MethodHead {
		return
	}
	err = f.follow(r.Context(), cut)
	_ = f.conn.SetWriteDeadline(time.Time{}) // the next request on the connection is another matter
	if errors.Is(err, os.ErrDeadlineExceeded) {
		h.cutOff.Inc()
	}
	if err != nil && r.Context().Err() == nil {
		h.opts.Logger.Debug("a stream of hazards ends", "from", r.RemoteAddr, "err", err)
	}
}

// follower is one client of the stream.
type follower struct {
	hazards  Hazards
	conn     *http.ResponseController
	w        http.ResponseWriter
	beat     time.Duration
	patience time.Duration
	filter   hazard.Filter
	// after is the event up to which the client has everything that it wants, told
	// the one that the client knows of.
	after, told int64
	resumes     bool
	only        bool // values, and no hazards
	values      values
	out         bytes.Buffer
}

func (h *Handler) follower(w http.ResponseWriter, r *http.Request) (*follower, error) {
	f := &follower{
		hazards: h.opts.Hazards, conn: http.NewResponseController(w), w: w, beat: h.opts.heartbeat, patience: h.opts.patience,
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	s := params.New()
	h.filters(ctx, s, &f.filter)
	hazards := true
	s.Bool("hazards", &hazards)
	f.values.parameters(s)
	s.One("last_event_id", f.resume)
	s.One("lastEventId", f.resume) // as EventSource's polyfills have it
	if err := s.Read(r.URL.Query()); err != nil {
		return nil, asBadRequest(err)
	}
	if f.only = !hazards; f.only && f.values.selectors.Empty() {
		return nil, badRequest{errors.New("hazards: without them want values of series, values=SELECTOR")}
	}
	// The header is newer: clients send it when they come again to the same address.
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		if err := f.resume(id); err != nil {
			return nil, badRequest{fmt.Errorf("Last-Event-ID: %w", err)}
		}
	}
	return f, nil
}

func (f *follower) resume(id string) error {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("want the id of an event of this stream, or 0 for all that there are; got %q", id)
	}
	f.after, f.resumes = n, true
	return nil
}

// follow sends events until the client has gone, or is to go.
func (f *follower) follow(ctx context.Context, cut <-chan struct{}) error {
	f.begin()
	if err := f.send(); err != nil {
		return err
	}
	beat := time.NewTicker(f.beat)
	defer beat.Stop()
	defer f.values.stop()
	if f.values.follower != nil {
		if err := f.sendValues(); err != nil {
			return err
		}
	}
	for {
		var changed <-chan struct{}
		if !f.only {
			changed = f.hazards.Changed()
			if err := f.catchUp(ctx, cut); err != nil {
				return err
			}
		}
		fresh, due := f.values.wait()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-cut:
			return nil
		case <-changed:
			continue
		case <-due:
			continue
		case <-fresh:
			if err := f.sendValues(); err != nil {
				return err
			}
			continue
		case <-beat.C:
		}
		if f.after > f.told { // what happened was not for this client, who need not ask for it again
			f.place()
		} else {
			f.out.WriteString(":\n\n")
		}
		if err := f.send(); err != nil {
			return err
		}
	}
}

// begin says from where on there will be events.
func (f *follower) begin() {
	trimmed, newest := f.hazards.Extent()
	fmt.Fprintf(&f.out, "retry: %d\n", comeAgain)
	switch {
	case f.only:
		f.out.WriteString("\n")
	case !f.resumes:
		// So that a client that is cut off before the first event misses none.
		f.after = newest
		f.place()
	case f.after == 0:
		f.after = trimmed
		f.out.WriteString("\n")
	case f.after > newest:
		f.gap("unknown", newest)
	default:
		f.out.WriteString(":\n\n")
	}
}

// place tells the client which event it may resume after; no event is dispatched
// for it.
func (f *follower) place() {
	fmt.Fprintf(&f.out, "id: %d\n\n", f.after)
	f.told = f.after
}

// gap tells the client that events are missing, and why.
func (f *follower) gap(reason string, resumesAfter int64) {
	text, _ := json.Marshal(struct { // numbers and a word
		Type         string `json:"type"`
		Reason       string `json:"reason"`
		After        int64  `json:"after"`
		ResumesAfter int64  `json:"resumes_after"`
	}{"gap", reason, f.after, resumesAfter})
	f.after = resumesAfter
	f.told = f.after
	fmt.Fprintf(&f.out, "id: %d\nevent: gap\ndata: %s\n\n", f.after, text)
}

// catchUp sends all events that there are.
func (f *follower) catchUp(ctx context.Context, cut <-chan struct{}) error {
	for {
		if trimmed, _ := f.hazards.Extent(); f.after < trimmed {
			f.gap("too_old", trimmed)
		}
		events, err := f.read(ctx)
		if err != nil {
			return err
		}
		for _, e := range events {
			f.after = e.Seq
			if f.filter.Match(e.Hazard) {
				fmt.Fprintf(&f.out, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Kind, e.JSON)
				f.told = f.after
			}
		}
		if err := f.send(); err != nil || len(events) == 0 {
			return err
		}
		select {
		case <-cut:
			return nil
		default:
		}
	}
}

func (f *follower) read(ctx context.Context) ([]hazard.Told, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return f.hazards.EventsAfter(ctx, f.after, batch)
}

// send sends what has been written, as long as the client reads.
func (f *follower) send() error {
	if f.out.Len() == 0 {
		return nil
	}
	if err := f.conn.SetWriteDeadline(time.Now().Add(f.patience)); err != nil {
		return err
	}
	_, err := f.out.WriteTo(f.w)
	f.out.Reset()
	if err == nil {
		err = f.conn.Flush()
	}
	return err
}
