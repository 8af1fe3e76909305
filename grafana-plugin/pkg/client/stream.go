package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"
)

const (
	// eventBytes bounds one event of a stream.
	eventBytes = 8 << 20
	// silence is for how long a stream may say nothing: Belfry sends something
	// every 15 seconds.
	silence = 45 * time.Second
)

// Told is one event of a stream.
type Told struct {
	ID   string // to go on after it
	Type string // opened, values, gap, …
	Data string // JSON
}

// Follow calls opened when the stream begins and told for each event, until
// either says no, the context ends, or the stream is cut. The error is why; it
// is never nil. lastID goes on after an event; empty begins now.
func (c *Client) Follow(ctx context.Context, query url.Values, lastID string, opened func() error, told func(Told) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	u := c.at("api", "belfry", "v1", "stream")
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	c.authorize(req)
	req.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	watchdog := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watchdog.Stop()
	resp, err := c.stream.Do(req)
	if err != nil {
		return c.cut(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := c.refused(resp); err != nil {
		return err
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return &Error{Kind: NotBelfry, Status: resp.StatusCode, URL: c.URL(), Detail: resp.Header.Get("Content-Type")}
	}
	if err := opened(); err != nil {
		return err
	}
	body := &watched{r: resp.Body, alive: func() { watchdog.Reset(silence) }}
	for event, err := range sse.Read(body, &sse.ReadConfig{MaxEventSize: eventBytes}) {
		if err != nil {
			return c.cut(ctx, err)
		}
		if event.Data == "" {
			continue
		}
		if err := told(Told{ID: event.LastEventID, Type: event.Type, Data: event.Data}); err != nil {
			return err
		}
	}
	return c.cut(ctx, io.ErrUnexpectedEOF)
}

var errSilent = errors.New("nothing was heard for 45 s")

func (c *Client) cut(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
		return &Error{Kind: Timeout, URL: c.URL(), Detail: cause.Error(), err: cause}
	}
	return c.failed(ctx, err)
}

// watched tells that something was read, also what is no event.
type watched struct {
	r     io.Reader
	alive func()
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n > 0 {
		w.alive()
	}
	return n, err
}
