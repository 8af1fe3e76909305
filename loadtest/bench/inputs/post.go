package inputs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/sourcegraph/conc/pool"

	"github.com/belfry-city/belfry/loadtest/bench/server"
)

// Posted is an input that takes messages over HTTP.
type Posted struct {
	Input string
	// Path may have parameters.
	Path        string
	ContentType string
	// Message makes message n of device d at the given time.
	Message func(d, n int, at time.Time) []byte
}

// PostOptions say how much is posted.
type PostOptions struct {
	Connections int
	Messages    int
	Devices     int
}

// Post sends messages one after the other on each connection.
func Post(ctx context.Context, s *server.Server, p Posted, o PostOptions) (Row, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: o.Connections}}
	defer client.CloseIdleConnections()
	before, err := s.Used()
	if err != nil {
		return Row{}, err
	}
	var mu sync.Mutex
	all := newTimes()
	var samples int64
	// Times are in the past, so that each device can send one message a second.
	start := time.Now().Add(-time.Duration(o.Messages/o.Devices+60) * time.Second)
	began := time.Now()
	workers := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	for w := range o.Connections {
		workers.Go(func(ctx context.Context) error {
			times := newTimes()
			var stored int64
			for n := w; n < o.Messages; n += o.Connections {
				device, round := n%o.Devices, n/o.Devices
				body := p.Message(device, round, start.Add(time.Duration(round)*time.Second))
				sent := time.Now()
				count, err := post(ctx, client, s.URL()+p.Path, p.ContentType, body)
				if err != nil {
					return fmt.Errorf("posting to %s: %w", p.Input, err)
				}
				stored += count
				_ = times.RecordValue(time.Since(sent).Microseconds())
			}
			mu.Lock()
			defer mu.Unlock()
			all.Merge(times)
			samples += stored
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		return Row{}, err
	}
	took := time.Since(began)
	after, err := s.Used()
	if err != nil {
		return Row{}, err
	}
	row := measured(s.Name(), p.Input, before, after, took, all)
	row.Messages, row.Samples = int64(o.Messages), samples
	return row, nil
}

// newTimes are microseconds up to a minute.
func newTimes() *hdrhistogram.Histogram { return hdrhistogram.New(1, 60_000_000, 3) }

func post(ctx context.Context, client *http.Client, url, contentType string, body []byte) (stored int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("answered %s: %.300s", resp.Status, text)
	}
	var answer struct{ Samples int64 }
	err = json.Unmarshal(text, &answer)
	return answer.Samples, err
}
