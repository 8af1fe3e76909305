package influx

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

	"github.com/klauspost/compress/gzip"

	"github.com/belfry-city/belfry/loadtest"
)

// Target is where lines are sent.
type Target struct {
	// URL is the server's; /api/v2/write is added when it has no path.
	URL string
	// Token is sent as `Authorization: Token …` unless it is empty.
	Token string
	// Gzip compresses each request as it is sent.
	Gzip bool
	// Timeout bounds one attempt at a request; 0 stands for a minute.
	Timeout time.Duration
}

// Driver opens connections to one server.
type Driver struct {
	target Target
	url    string
	origin string
}

// Origin is the server's address without a path.
func (d *Driver) Origin() string { return d.origin }

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
		u.Path = "/api/v2/write"
		q := u.Query()
		for name, value := range map[string]string{"org": "belfry", "bucket": "loadtest"} {
			if !q.Has(name) {
				q.Set(name, value)
			}
		}
		u.RawQuery = q.Encode()
	}
	q := u.Query()
	q.Set("precision", "ns")
	u.RawQuery = q.Encode()
	if target.Timeout == 0 {
		target.Timeout = time.Minute
	}
	return &Driver{target: target, url: u.String(), origin: u.Scheme + "://" + u.Host}, nil
}

// Connect makes a connection, which is dialled when first used.
func (d *Driver) Connect() (loadtest.Conn, error) {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		MaxConnsPerHost:     1,
		MaxIdleConnsPerHost: 1,
		IdleConnTimeout:     time.Minute,
		WriteBufferSize:     64 << 10,
		DisableCompression:  true,
	}
	return &conn{driver: d, client: http.Client{Transport: transport, Timeout: d.target.Timeout}}, nil
}

// conn is one connection; it is used by one goroutine at a time.
type conn struct {
	driver *Driver
	client http.Client
	packed bytes.Buffer
	packer *gzip.Writer
}

// Send returns nil once the server has acknowledged the body.
func (c *conn) Send(ctx context.Context, body []byte) error {
	var encoding string
	if c.driver.target.Gzip {
		packed, err := c.pack(body)
		if err != nil {
			return err
		}
		body, encoding = packed, "gzip"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.driver.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	req.Header.Set("User-Agent", "belfry-loadtest")
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	if c.driver.target.Token != "" {
		req.Header.Set("Authorization", "Token "+c.driver.target.Token)
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
	case code/100 == 2 && err != nil:
		return fmt.Errorf("reading the answer: %w", err)
	case code/100 == 2:
		return nil
	case code == http.StatusTooManyRequests || code/100 == 5:
		return &loadtest.Busy{Status: code, After: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	default:
		const shown = 200
		message, _, _ := strings.Cut(string(text[:min(len(text), shown)]), "\n")
		return &loadtest.Rejected{Status: code, Message: strings.ToValidUTF8(message, "")}
	}
}

// retryAfter reads RFC 9110's Retry-After, which is seconds or a date; 0 means
// that there is none.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

func (c *conn) pack(body []byte) ([]byte, error) {
	c.packed.Reset()
	if c.packer == nil {
		w, err := gzip.NewWriterLevel(&c.packed, gzip.BestSpeed)
		if err != nil {
			return nil, fmt.Errorf("compressing: %w", err)
		}
		c.packer = w
	}
	c.packer.Reset(&c.packed)
	if _, err := c.packer.Write(body); err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	if err := c.packer.Close(); err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	return c.packed.Bytes(), nil
}

// Close closes the connection.
func (c *conn) Close() error {
	c.client.CloseIdleConnections()
	return nil
}
