package pages

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/sourcegraph/conc"
)

// sender posts line protocol.
type sender struct {
	client *http.Client
	url    string
}

func newSender(address string) *sender {
	const connections = 32
	return &sender{
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}},
		url:    address + "/api/v2/write?precision=ns&org=belfry&bucket=bench",
	}
}

func (s *sender) close() { s.client.CloseIdleConnections() }

// send returns when the last byte was written: net/http says so just before it
// hands a request as small as these to the system, so that no time is left out.
func (s *sender) send(ctx context.Context, body []byte) (sent time.Time, err error) {
	var mu sync.Mutex
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {
		mu.Lock()
		defer mu.Unlock()
		sent = time.Now()
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return sent, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return sent, fmt.Errorf("sending readings: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it has been read as far as it is wanted
	const shown = 200
	text, err := io.ReadAll(io.LimitReader(resp.Body, shown))
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("the server answered %s: %s", resp.Status, text)
	}
	mu.Lock()
	defer mu.Unlock()
	return sent, err
}

// injector sends what causes pages.
type injector struct {
	sender *sender
	tally  *tally
	work   conc.WaitGroup
}

// run sends each request when it is due, whether or not those before it have
// been answered, and returns when all have been begun.
func (i *injector) run(ctx context.Context, all []*cause) {
	begin := time.Now()
	for _, c := range all {
		due := begin.Add(c.due)
		if !sleepUntil(ctx, due) {
			return
		}
		i.work.Go(func() {
			begun := time.Now()
			sent, err := i.sender.send(ctx, body(c.breaks, begun))
			i.tally.was(c, due, begun, sent, err)
		})
	}
}

func sleepUntil(ctx context.Context, due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
