package remotewrite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/belfry-city/belfry/loadtest"
)

// Version is that of the message.
type Version int

// The versions of the message.
const (
	V1 Version = 1
	V2 Version = 2
)

// Target is where requests are sent.
type Target struct {
	// URL is the server's; /api/v1/write is added when it has no path.
	URL string
	// Token is sent as `Authorization: Bearer …` unless it is empty.
	Token   string
	Version Version
	// Zstd compresses as vmagent does among its own kind; otherwise it is snappy.
	Zstd bool
}

// Driver opens connections to one server.
type Driver struct {
	target Target
	url    string
}

// NewDriver checks the target.
func NewDriver(target Target) (*Driver, error) {
	u, err := url.Parse(target.URL)
	if err != nil {
		return nil, fmt.Errorf("reading the server's address: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("reading the server's address: %q is no http:// or https:// address", target.URL)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/api/v1/write"
	}
	return &Driver{target: target, url: u.String()}, nil
}

// Connect makes a connection, which is dialled when first used.
func (d *Driver) Connect() (loadtest.Conn, error) {
	c := &conn{driver: d, client: http.Client{Timeout: time.Minute, Transport: &http.Transport{
		MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, WriteBufferSize: 64 << 10, DisableCompression: true,
	}}}
	if d.target.Zstd {
		packer, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
		if err != nil {
			return nil, fmt.Errorf("compressing: %w", err)
		}
		c.packer = packer
	}
	return c, nil
}

// conn is one connection; it is used by one goroutine at a time.
type conn struct {
	driver *Driver
	client http.Client
	packer *zstd.Encoder // nil for snappy
	packed []byte
}

// Send returns nil once the server has acknowledged the body.
func (c *conn) Send(ctx context.Context, body []byte) error {
	encoding := "snappy"
	if c.packer != nil {
		encoding = "zstd"
		c.packed = c.packer.EncodeAll(body, c.packed[:0])
	} else {
		c.packed = snappy.Encode(c.packed[:cap(c.packed)], body)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.driver.url, bytes.NewReader(c.packed))
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	h := req.Header
	h.Set("Content-Encoding", encoding)
	h.Set("Content-Type", "application/x-protobuf")
	h.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	h.Set("User-Agent", "belfry-loadtest")
	if c.driver.target.Version == V2 {
		h.Set("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")
		h.Set("X-Prometheus-Remote-Write-Version", "2.0.0")
	}
	if c.driver.target.Zstd {
		h.Set("X-VictoriaMetrics-Remote-Write-Version", "1")
	}
	if c.driver.target.Token != "" {
		h.Set("Authorization", "Bearer "+c.driver.target.Token)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it has been read as far as it is wanted
	return answer(resp)
}

func answer(resp *http.Response) error {
	const most = 64 << 10
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	switch code := resp.StatusCode; {
	case code/100 == 2:
		if err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		return nil
	case code == http.StatusTooManyRequests || code/100 == 5:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return &loadtest.Busy{Status: code, After: time.Duration(max(seconds, 0)) * time.Second}
	default:
		const shown = 200
		message, _, _ := strings.Cut(string(text[:min(len(text), shown)]), "\n")
		return &loadtest.Rejected{Status: code, Message: strings.ToValidUTF8(message, "")}
	}
}

// Close closes the connection.
func (c *conn) Close() error {
	c.client.CloseIdleConnections()
	return nil
}
