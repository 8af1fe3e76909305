package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"
)

// Stats are how many hazards there were, and how long they took.
type Stats struct {
	Times  []time.Time // where steps begin
	Groups []StatsGroup
	Total  int // groups that there are
	Next   string
}

// StatsGroup is what was counted of the hazards of one group.
type StatsGroup struct {
	Values    map[string]string // what the group is made of, such as team
	Opened    int64
	Resolved  int64
	Open      int64
	Reopened  int64
	Repeats   int64
	OpenByAge []AgeClass
	ToResolve *Durations
	ToPage    *Durations
	Counts    Counts
}

// AgeClass counts open hazards up to an age in seconds; null: any age.
type AgeClass struct {
	UpTo  *float64 `json:"up_to_seconds"`
	Count int64    `json:"count"`
}

// Durations are in seconds.
type Durations struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	Mean  float64 `json:"mean"`
	Max   float64 `json:"max"`
}

// Counts are by step.
type Counts struct {
	Opened   []float64 `json:"opened"`
	Resolved []float64 `json:"resolved"`
	Open     []float64 `json:"open"` // at the end of the step
}

// UnmarshalJSON takes what is a text, and has no place of its own, as a value
// that the group is made of.
func (g *StatsGroup) UnmarshalJSON(text []byte) error {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	g.Values = map[string]string{}
	places := map[string]any{
		"opened": &g.Opened, "resolved": &g.Resolved, "open": &g.Open, "reopened": &g.Reopened, "repeats": &g.Repeats,
		"open_by_age": &g.OpenByAge, "time_to_resolve_seconds": &g.ToResolve, "time_to_page_seconds": &g.ToPage, "counts": &g.Counts,
	}
	for name, raw := range parts {
		if place := places[name]; place != nil {
			if err := json.Unmarshal(raw, place); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		var value string
		if json.Unmarshal(raw, &value) == nil {
			g.Values[name] = value
		}
	}
	return nil
}

// decodeStats reads a page, which has groups, and times where there are steps:
// without them, what answers is none, and it would be taken for all clear.
func decodeStats(r io.Reader, steps bool) (Stats, error) {
	var there struct {
		Times  *[]time.Time  `json:"times"`
		Groups *[]StatsGroup `json:"groups"`
		Total  int           `json:"total"`
		Next   string        `json:"next"`
	}
	if err := json.NewDecoder(r).Decode(&there); err != nil {
		return Stats{}, fmt.Errorf("read counts of hazards: %w", err)
	}
	if there.Groups == nil {
		return Stats{}, errors.New("read counts of hazards: want groups in it")
	}
	page := Stats{Groups: *there.Groups, Total: there.Total, Next: there.Next}
	if there.Times != nil {
		page.Times = *there.Times
	} else if steps {
		return Stats{}, errors.New("read counts of hazards: want times in it")
	}
	return page, nil
}

// Stats counts hazards; groups beyond limit are left out, and Total says how
// many there are.
func (c *Client) Stats(ctx context.Context, query url.Values, limit int) (*Stats, error) {
	all := &Stats{}
	query = clone(query)
	query.Set("limit", fmt.Sprint(min(limit, perPage)))
	for range pages(limit, false) {
		var page Stats
		err := c.get(ctx, c.at("api", "belfry", "v1", "hazards", "stats"), query, func(r io.Reader) (err error) {
			page, err = decodeStats(r, query.Has("step"))
			return err
		})
		if err != nil {
			return nil, err
		}
		all.Times, all.Total = page.Times, max(page.Total, len(all.Groups)+len(page.Groups))
		all.Groups = append(all.Groups, page.Groups...)
		if page.Next == "" {
			break
		}
		query.Set("cursor", page.Next)
	}
	if len(all.Groups) > limit {
		all.Groups = all.Groups[:limit]
	}
	return all, nil
}
