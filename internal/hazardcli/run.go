package hazardcli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/internal/config"
)

// Options say whom to ask, and how to show what it says.
type Options struct {
	// URL is where Belfry is, Token what it demands, if anything.
	URL, Token string
	// Filter are parameters of the API, such as status and team.
	Filter url.Values
	// Limit is how many List shows at most.
	Limit int
	// Since is a time, or how long ago: what was opened before is not listed. "": all.
	Since    string
	JSON     bool
	Language config.Language
	// Zone is the time zone of times; nil: the machine's own.
	Zone *time.Location
	Out  io.Writer
	Now  time.Time
}

// List shows hazards, the newest first.
func List(ctx context.Context, o Options) error {
	c, err := newClient(o.URL, o.Token)
	if err != nil {
		return err
	}
	defer c.close()
	if o.Since != "" {
		since, err := instant(o.Since, o.Now)
		if err != nil {
			return err
		}
		o.Filter.Set("from", since.Format(time.RFC3339Nano))
	}
	if o.JSON {
		return c.list(ctx, o.Filter, o.Limit, func(h hazard.Hazard) error { return line(o.Out, h) })
	}
	screen := newScreen(o)
	var all []hazard.Hazard
	err = c.list(ctx, o.Filter, o.Limit, func(h hazard.Hazard) error {
		all = append(all, h)
		return nil
	})
	if err != nil {
		return err
	}
	return screen.table(all)
}

// Follow shows what happens to hazards until ctx ends.
func Follow(ctx context.Context, o Options) error {
	c, err := newClient(o.URL, o.Token)
	if err != nil {
		return err
	}
	defer c.close()
	screen := newScreen(o)
	return c.follow(ctx, o.Filter, func(t told) error {
		if o.JSON {
			_, err := fmt.Fprintln(o.Out, t.text)
			return err
		}
		return screen.event(t)
	})
}

// Show shows one hazard with its history.
func Show(ctx context.Context, o Options, id string) error {
	c, err := newClient(o.URL, o.Token)
	if err != nil {
		return err
	}
	defer c.close()
	d, err := c.get(ctx, id)
	if err != nil {
		return err
	}
	if o.JSON {
		return line(o.Out, d)
	}
	return newScreen(o).detailed(d)
}

func line(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

// instant is a time, or how long ago.
func instant(text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	ago, err := ago(text)
	if err != nil || ago <= 0 {
		return time.Time{}, fmt.Errorf("--since: want how long ago, such as 30m, 24h or 7d, or a time such as 2026-05-01T08:00:00+08:00; got %q", text)
	}
	return now.Add(-ago), nil
}
