package hazardcli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-city/belfry/alerting/hazard"
)

const (
	// answerTime is how long an answer may take.
	answerTime = 30 * time.Second
	// silence is how long a stream may say nothing, which has a heartbeat, until it is
	// taken for lost; comeAgain is the pause before it is asked for again.
	silence   = time.Minute
	comeAgain = 2 * time.Second
	page      = 1000
)

// client speaks to one Belfry.
type client struct {
	base  string
	token string
	http  *http.Client
}

func newClient(address, token string) (*client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("--url: want the address of a Belfry, such as http://127.0.0.1:9400; got %q", address)
	}
	return &client{base: strings.TrimSuffix(address, "/"), token: token, http: &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}}, nil
}

func (c *client) close() { c.http.CloseIdleConnections() }

// refusal is an answer that asking again does not change.
type refusal struct{ text string }

func (r refusal) Error() string { return r.text }

// ask sends a request; the caller closes the body.
func (c *client) ask(ctx context.Context, path string, q url.Values, header ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var sent *url.Error
		if errors.As(err, &sent) {
			err = sent.Err
		}
		return nil, fmt.Errorf("ask %s for hazards: %w (--url names another Belfry)", c.base, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // whatever there is of it
	var said struct{ Error string }
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		said.Error = resp.Status
	}
	err = fmt.Errorf("%s: %s", c.base, said.Error)
	if resp.StatusCode == http.StatusUnauthorized {
		err = fmt.Errorf("%w; give it by --token or BELFRY_TOKEN", err)
	}
	if resp.StatusCode < 500 {
		return nil, refusal{err.Error()}
	}
	return nil, err
}

func (c *client) read(ctx context.Context, path string, q url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	resp, err := c.ask(ctx, path, q)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	return nil
}

const (
	listPath   = "/api/belfry/v1/hazards"
	streamPath = "/api/belfry/v1/stream"
)

// list calls yield for hazards, the newest first, at most so many.
func (c *client) list(ctx context.Context, q url.Values, most int, yield func(hazard.Hazard) error) error {
	for cursor := ""; most > 0; {
		q.Set("limit", strconv.Itoa(min(most, page)))
		q.Set("cursor", cursor)
		var got struct {
			Hazards []hazard.Hazard
			Next    string
		}
		if err := c.read(ctx, listPath, q, &got); err != nil {
			return err
		}
		for _, h := range got.Hazards {
			if err := yield(h); err != nil {
				return err
			}
		}
		most -= len(got.Hazards)
		if cursor = got.Next; cursor == "" || len(got.Hazards) == 0 {
			return nil
		}
	}
	return nil
}

// Detailed is a hazard with its history.
type Detailed struct {
	hazard.Hazard
	History []hazard.Event `json:"history"`
}

func (c *client) get(ctx context.Context, id string) (d Detailed, err error) {
	return d, c.read(ctx, listPath+"/"+url.PathEscape(id), nil, &d)
}

// told is what a stream says: an event, or that some are missing.
type told struct {
	hazard.Event
	text string // as it came
}

// follow calls yield for what happens from now on, until ctx ends. Where the
// stream breaks off it is asked for what followed.
func (c *client) follow(ctx context.Context, q url.Values, yield func(told) error) error {
	last := ""
	for first := true; ; first = false {
		err := c.stream(ctx, q, &last, yield)
		var refused refusal
		var stopped stop
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &stopped):
			return stopped.error
		case errors.As(err, &refused), first && last == "":
			return err
		}
		pause := time.NewTimer(comeAgain)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
}

// stop is an error of whoever is told.
type stop struct{ error }

func (c *client) stream(ctx context.Context, q url.Values, last *string, yield func(told) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var header []string
	if *last != "" {
		header = []string{"Last-Event-ID", *last}
	}
	quiet := time.AfterFunc(silence, cancel)
	defer quiet.Stop()
	resp, err := c.ask(ctx, streamPath, q, header...)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 16<<20)
	var id, data string
	for lines.Scan() {
		quiet.Reset(silence)
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if data != "" {
				t := told{text: data}
				if err := json.Unmarshal([]byte(data), &t.Event); err != nil {
					return fmt.Errorf("read the stream of %s: %w", c.base, err)
				}
				if err := yield(t); err != nil {
					return stop{err}
				}
			}
			if id != "" {
				*last = id
			}
			data = ""
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the stream of %s: %w", c.base, err)
	}
	return io.ErrUnexpectedEOF
}
