package prom

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client asks one server. It is safe for concurrent use.
type Client struct {
	// Extra is sent along with every question; set it before the first.
	Extra url.Values

	base  string
	token string
	http  *http.Client
}

// NewClient makes a client of the server at the address, which has no path.
// token is sent as a bearer token unless it is empty.
func NewClient(address, token string) *Client {
	return &Client{
		base:  strings.TrimSuffix(address, "/"),
		token: token,
		http: &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 4, ReadBufferSize: 64 << 10,
		}},
	}
}

// Close closes the client's idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Query asks for the expression's value at the instant.
func (c *Client) Query(ctx context.Context, expr string, at time.Time) (Answer, error) {
	return c.ask(ctx, "/api/v1/query", url.Values{"query": {expr}, "time": {instant(at)}})
}

// QueryRange asks for the expression's values from start to end.
func (c *Client) QueryRange(ctx context.Context, expr string, start, end time.Time, step time.Duration) (Answer, error) {
	return c.ask(ctx, "/api/v1/query_range", url.Values{
		"query": {expr}, "start": {instant(start)}, "end": {instant(end)},
		"step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

func instant(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64)
}

// Answer is a server's answer as it came.
type Answer struct {
	Body []byte
	// Took is the time from asking to the answer's last byte.
	Took time.Duration
}

func (c *Client) ask(ctx context.Context, path string, form url.Values) (Answer, error) {
	maps.Copy(form, c.Extra)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return Answer{}, fmt.Errorf("asking %s: %w", path, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	began := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("asking %s: %w", path, err)
	}
	defer resp.Body.Close() //nolint:errcheck // all of it has been read
	var body bytes.Buffer
	if n := resp.ContentLength; n > 0 {
		body.Grow(int(n) + bytes.MinRead)
	}
	if _, err := io.Copy(&body, resp.Body); err != nil {
		return Answer{}, fmt.Errorf("reading the answer of %s: %w", path, err)
	}
	took := time.Since(began)
	if resp.StatusCode != http.StatusOK {
		const shown = 300
		return Answer{}, fmt.Errorf("asking %s for %s: status %d: %s",
			path, form.Get("query"), resp.StatusCode, body.Bytes()[:min(body.Len(), shown)])
	}
	return Answer{Body: body.Bytes(), Took: took}, nil
}

// Sample is one value at one instant, in seconds since the epoch.
type Sample struct {
	Time  float64
	Value float64
}

// Series is one element of a vector or matrix.
type Series struct {
	Labels  map[string]string
	Samples []Sample
}

// Series decodes the answer. A scalar is one series without labels.
func (a Answer) Series() ([]Series, error) {
	var envelope struct {
		Data struct {
			Type   string          `json:"resultType"`
			Result json.RawMessage `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(a.Body, &envelope); err != nil {
		return nil, fmt.Errorf("decoding an answer: %w", err)
	}
	if envelope.Data.Type == "scalar" {
		var one point
		if err := json.Unmarshal(envelope.Data.Result, &one); err != nil {
			return nil, fmt.Errorf("decoding a scalar: %w", err)
		}
		return []Series{{Samples: []Sample{Sample(one)}}}, nil
	}
	var result []struct {
		Metric map[string]string `json:"metric"`
		Value  *point            `json:"value"`
		Values []point           `json:"values"`
	}
	if err := json.Unmarshal(envelope.Data.Result, &result); err != nil {
		return nil, fmt.Errorf("decoding a %s: %w", envelope.Data.Type, err)
	}
	out := make([]Series, len(result))
	for i, r := range result {
		out[i].Labels = r.Metric
		if r.Value != nil {
			out[i].Samples = []Sample{Sample(*r.Value)}
		}
		for _, p := range r.Values {
			out[i].Samples = append(out[i].Samples, Sample(p))
		}
	}
	return out, nil
}

type point Sample

// UnmarshalJSON reads [seconds, "value"].
func (p *point) UnmarshalJSON(b []byte) error {
	var value string
	if err := json.Unmarshal(b, &[]any{&p.Time, &value}); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(value, 64)
	p.Value = v
	return err
}
