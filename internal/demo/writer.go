package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// writer sends line protocol as any client of InfluxDB 2 does, and counts what
// the answers say.
type writer struct {
	url    string // of line protocol
	camera string // of what cameras see
	client *http.Client
	tally  *tally
}

func newWriter(url string, t *tally) *writer {
	return &writer{
		url:    url + "/api/v2/write?org=belfry&bucket=demo&precision=ns",
		camera: url + "/api/belfry/v1/in/camera",
		client: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second},
		tally:  t,
	}
}

func (w *writer) close() { w.client.CloseIdleConnections() }

// write sends lines until they have been answered for good: acknowledged, or
// refused in part. While Belfry cannot take them it tries again, until ctx ends.
func (w *writer) write(ctx context.Context, lines []byte, values int) error {
	return w.post(ctx, w.url, "text/plain; charset=utf-8", lines, values)
}

// see sends what a camera saw, as write does: its confidence, and that it is up.
func (w *writer) see(ctx context.Context, text []byte) error {
	const values = 2
	return w.post(ctx, w.camera, "application/json", text, values)
}

func (w *writer) post(ctx context.Context, url, kind string, body []byte, values int) error {
	for {
		again, err := w.once(context.WithoutCancel(ctx), url, kind, body, values)
		if err == nil {
			w.tally.trouble(nil)
			return nil
		}
		w.tally.trouble(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(again):
		}
	}
}

// once sends something. On an error it may be sent again after some time.
func (w *writer) once(ctx context.Context, url, kind string, body []byte, values int) (again time.Duration, err error) {
	const pause = time.Second
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return pause, fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Content-Type", kind)
	resp, err := w.client.Do(req)
	if err != nil {
		return pause, fmt.Errorf("send readings: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it has been read as far as it is wanted
	const most = 64 << 10
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	switch {
	case resp.StatusCode/100 == 2:
		w.tally.wrote(values, 0)
		return 0, nil
	case err != nil:
		return pause, fmt.Errorf("read the answer to readings: %w", err)
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode/100 == 5:
		return retryAfter(resp, pause), fmt.Errorf("%s (%d)", message(text), resp.StatusCode)
	}
	w.tally.wrote(outcome(text, values))
	return 0, nil
}

// outcome is how many values a request with refused lines left stored and
// refused.
func outcome(answer []byte, values int) (stored, refused int) {
	if _, err := fmt.Sscanf(message(answer), "partial write: %d refused, %d samples stored", &refused, &stored); err != nil {
		return 0, values
	}
	return stored, refused
}

func message(answer []byte) string {
	var body struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer, &body); err != nil || body.Message == "" {
		return string(answer)
	}
	return body.Message
}

func retryAfter(resp *http.Response, otherwise time.Duration) time.Duration {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		return otherwise
	}
	return time.Duration(seconds) * time.Second
}
