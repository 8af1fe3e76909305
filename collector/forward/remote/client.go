package remote

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unsafe"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"

	"github.com/belfry-city/belfry/collector/forward/line"
)

// Type is the way to a target.
type Type string

// The types of targets.
const (
	// InfluxDB2 is POST api/v2/write through InfluxDB's own client.
	InfluxDB2 Type = "influxdb2"
	// VictoriaMetrics is POST write, as VictoriaMetrics, vmagent and the like take it.
	VictoriaMetrics Type = "victoriametrics"
	// InfluxDB1 is POST write?db=BUCKET.
	InfluxDB1 Type = "influxdb1"
)

// Options say where a Client sends to. Type, URL and Timeout are required.
type Options struct {
	Type        Type
	URL         *url.URL
	Org, Bucket string
	// User and Token are a name and a password where both are given; a Token
	// alone is sent as the target's kind of token.
	User, Token string
	Timeout     time.Duration // of one request
	Compress    bool          // with gzip
	TLS         *tls.Config   // nil: the system's
	Agent       string        // what the client calls itself
}

// Client sends batches. It is safe for concurrent use.
type Client struct {
	opts   Options
	doer   *doer
	write  string // the address that is written to
	influx api.WriteAPIBlocking
	close  func()
}

// New returns a Client that has not connected so far.
func New(o Options) *Client {
	c := &Client{opts: o, doer: newDoer(o)}
	base := *o.URL
	path := strings.TrimSuffix(base.Path, "/")
	query := url.Values{"precision": {"ms"}}
	if o.Type == InfluxDB2 {
		base.Path = strings.TrimSuffix(path, "/api/v2/write")
		options := influxdb2.DefaultOptions().SetPrecision(time.Millisecond).SetApplicationName(o.Agent)
		options.HTTPOptions().SetHTTPDoer(c.doer)
		client := influxdb2.NewClientWithOptions(base.String(), o.Token, options)
		c.influx = client.WriteAPIBlocking(o.Org, o.Bucket)
		c.close = client.Close
		base.Path += "/api/v2/write"
		query.Set("org", o.Org)
		query.Set("bucket", o.Bucket)
	} else {
		base.Path = path
		if !strings.HasSuffix(path, "/write") {
			base.Path += "/write"
		}
		if o.Bucket != "" {
			query.Set("db", o.Bucket)
		}
	}
	base.RawQuery = query.Encode()
	c.write = base.String()
	return c
}

// Dead yields when the target has died since it was last asked: it refuses
// connections.
func (c *Client) Dead() <-chan struct{} { return c.doer.watch.dead }

// Suspect yields when it may have died: requests are cut off, or it cannot be
// reached.
func (c *Client) Suspect() <-chan struct{} { return c.doer.watch.suspect }

// Close closes connections; nothing may be sent after.
func (c *Client) Close() {
	if c.close != nil {
		c.close()
	}
	c.doer.close()
}

// Send returns nil when the target has accepted the batch. The error is a
// *Failure. body is not used after Send has returned.
func (c *Client) Send(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	if c.influx != nil {
		err := c.influx.WriteRecord(ctx, unsafe.String(unsafe.SliceData(body), len(body)))
		if err == nil {
			return nil
		}
		return c.noted(fromInflux(err))
	}
	resp, err := c.do(ctx, http.MethodPost, body)
	if err != nil {
		return c.noted(away(err))
	}
	defer func() { _ = resp.Body.Close() }()
	return failureOf(resp)
}

// noted tells the watch of a request that was cut off.
func (c *Client) noted(f *Failure) error {
	var timeout interface{ Timeout() bool }
	waited := errors.As(f.Err, &timeout) && timeout.Timeout() || errors.Is(f.Err, context.Canceled)
	if f.Kind == Away && !waited && cutOff(f.Err) {
		note(c.doer.watch.suspect)
	}
	return f
}

func (c *Client) do(ctx context.Context, method string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.write, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.opts.Agent)
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	if c.opts.User == "" && c.opts.Token != "" {
		scheme := "Bearer "
		if c.opts.Type != VictoriaMetrics {
			scheme = "Token "
		}
		req.Header.Set("Authorization", scheme+c.opts.Token)
	}
	return c.doer.Do(req)
}

// Alive returns nil when the target answers, whatever it says; 5xx may be what a
// proxy says in its place.
func (c *Client) Alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	resp, err := c.do(ctx, http.MethodHead, nil)
	if err != nil {
		return c.noted(away(fmt.Errorf("ask the target for a sign of life: %w", err)))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 500 {
		return failureOf(resp)
	}
	return nil
}

func failureOf(resp *http.Response) error {
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	text, _ := io.ReadAll(resp.Body) // the doer has it in memory
	return answered(resp.StatusCode, resp.Header, string(text))
}

// Dialect asks the target whose line protocol it understands, without writing
// anything: VictoriaMetrics gives InfluxDB's version for its own when it is
// asked for the address to write to, but not InfluxDB's build, as InfluxDB does.
func (c *Client) Dialect(ctx context.Context) (line.Dialect, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, nil)
	if err != nil {
		return "", c.noted(away(fmt.Errorf("ask the target what it is: %w", err)))
	}
	defer func() { _ = resp.Body.Close() }()
	h := resp.Header
	if h.Get("X-Influxdb-Version") != "" && h.Get("X-Influxdb-Build") == "" {
		return line.VictoriaMetrics, nil
	}
	// Without InfluxDB's headers it may be a proxy that speaks.
	if f := failureOf(resp); h.Get("X-Influxdb-Version") == "" && h.Get("X-Influxdb-Build") == "" {
		var failure *Failure
		if errors.As(f, &failure) && (failure.Kind == Busy || failure.Status == http.StatusUnauthorized || failure.Status == http.StatusForbidden) {
			return "", f
		}
	}
	return line.InfluxDB, nil
}
