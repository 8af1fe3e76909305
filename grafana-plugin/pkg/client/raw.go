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

const (
	// rawBytes bounds what is handed on as it is.
	rawBytes     = 8 << 20
	pictureBytes = 8 << 20
)

// Raw returns the JSON at a path of Belfry's, as it is. The path is escaped.
func (c *Client) Raw(ctx context.Context, path string, query url.Values) ([]byte, error) {
	var body []byte
	err := c.get(ctx, c.at(path), query, func(r io.Reader) (err error) {
		body, err = c.all(r, rawBytes)
		return err
	})
	return body, err
}

func (c *Client) all(r io.Reader, most int) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(body) > most {
		return nil, &Error{Kind: TooLarge, URL: c.URL(), Detail: fmt.Sprintf("%d MiB", most>>20)}
	}
	return body, err
}

// Picture returns the picture of an event, and its type.
func (c *Client) Picture(ctx context.Context, event string) (kind string, body []byte, err error) {
	u := c.at("api", "belfry", "v1", "events", url.PathEscape(event), "snapshot")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", nil, fmt.Errorf("ask Belfry: %w", err)
	}
	c.authorize(req)
	req.Header.Set("Accept", "image/*")
	resp, err := c.http.Do(req)
	if err != nil {
		return "", nil, c.failed(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := c.refused(resp); err != nil {
		return "", nil, err
	}
	kind = resp.Header.Get("Content-Type")
	if !strings.HasPrefix(kind, "image/") || strings.HasPrefix(kind, "image/svg") {
		return "", nil, &Error{Kind: NotBelfry, URL: c.URL(), Detail: kind}
	}
	body, err = c.all(resp.Body, pictureBytes)
	var known *Error
	if err != nil && !errors.As(err, &known) {
		err = c.broken(ctx, err)
	}
	return kind, body, err
}
