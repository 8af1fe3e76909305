package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Limits bound what one answer may be. What is zero has a default.
type Limits struct {
	Body   int64 // bytes after decompression; more is an error
	Series int   // series that are kept; others are counted
	Points int   // samples of all series together; series beyond are counted
}

// The defaults of Limits.
const (
	DefaultBody   = 64 << 20
	DefaultSeries = 5_000
	DefaultPoints = 500_000
)

func (l Limits) orDefaults() Limits {
	if l.Body <= 0 {
		l.Body = DefaultBody
	}
	if l.Series <= 0 {
		l.Series = DefaultSeries
	}
	if l.Points <= 0 {
		l.Points = DefaultPoints
	}
	return l
}

// Client asks one Belfry. It is safe for concurrent use.
type Client struct {
	base   *url.URL
	http   *http.Client
	stream *http.Client
	token  string
	limits Limits
}

// Options are what a client is made of.
type Options struct {
	URL    string // with or without a path in front
	Token  string // may be empty
	HTTP   *http.Client
	Limits Limits
}

// New makes a client. An error says what is wrong with the URL.
func New(o Options) (*Client, error) {
	base, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	hc := *o.HTTP
	// A redirect leads to a login page, or to the right address, which belongs
	// into the settings: to follow it would send the token elsewhere.
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	stream := hc
	stream.Timeout = 0
	return &Client{base: base, http: &hc, stream: &stream, token: strings.TrimSpace(o.Token), limits: o.Limits.orDefaults()}, nil
}

func parseURL(text string) (*url.URL, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, &Error{Kind: BadURL, Detail: text}
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, &Error{Kind: BadURL, Detail: clip(public(text))}
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// URL is the address of Belfry, without who logs in: a token may be there.
func (c *Client) URL() string { return public(c.base.String()) }

// Close drops idle connections.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	c.stream.CloseIdleConnections()
}

// at is the address of a path, whose parts are escaped.
func (c *Client) at(parts ...string) *url.URL {
	return c.base.JoinPath(parts...)
}

// get asks with the parameters in the address.
func (c *Client) get(ctx context.Context, u *url.URL, query url.Values, read func(io.Reader) error) error {
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("ask Belfry: %w", err)
	}
	return c.do(req, read)
}

// post asks with the parameters in the body, where expressions may be long.
func (c *Client) post(ctx context.Context, u *url.URL, form url.Values, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("ask Belfry: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// Such a request changes nothing, so it may be sent again when Belfry has
	// closed the connection, as after a restart. The header itself is not sent.
	req.Header["Idempotency-Key"] = nil
	return c.do(req, read)
}

func (c *Client) do(req *http.Request, read func(io.Reader) error) error {
	c.authorize(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return c.failed(req.Context(), err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := c.refused(resp); err != nil {
		return err
	}
	if !isJSON(resp) {
		return &Error{Kind: NotBelfry, Status: resp.StatusCode, URL: c.URL(), Detail: resp.Header.Get("Content-Type")}
	}
	body := &bounded{r: resp.Body, left: c.limits.Body}
	if err := read(body); err != nil {
		if body.over {
			return &Error{Kind: TooLarge, URL: c.URL(), Detail: fmt.Sprintf("%d MiB", c.limits.Body>>20)}
		}
		if body.failed != nil {
			return c.broken(req.Context(), body.failed)
		}
		var known *Error
		if errors.As(err, &known) {
			return known
		}
		kind := Garbled
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			kind = CutShort
		}
		return &Error{Kind: kind, URL: c.URL(), Detail: err.Error(), err: err}
	}
	return nil
}

func (c *Client) authorize(req *http.Request) {
	req.Header.Set("Accept", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
}

func isJSON(resp *http.Response) bool {
	return strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json")
}

// bounded reads at most so much, and remembers why it ended: decoders wrap
// errors in their own words.
type bounded struct {
	r      io.Reader
	left   int64
	over   bool
	failed error
}

var errOver = errors.New("the answer is too large")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		// A byte more tells an answer that just fits from one that does not.
		if n, err := io.ReadFull(b.r, make([]byte, 1)); n == 0 {
			return 0, err
		}
		b.over = true
		return 0, errOver
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = err
	}
	return n, err
}
