package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"
)

// Hazard is one, as docs/api.md describes it.
type Hazard struct {
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Status    string   `json:"status"`
	Severity  string   `json:"severity"`
	Rule      string   `json:"rule"`
	Domain    string   `json:"domain"`
	Team      string   `json:"team"`
	Asset     string   `json:"asset"`
	Name      string   `json:"name"`
	NameZH    string   `json:"name_zh"`
	Street    string   `json:"street"`
	District  string   `json:"district"`
	Lat       *float64 `json:"lat"`
	Lon       *float64 `json:"lon"`
	Summary   string   `json:"summary"`
	SummaryZH string   `json:"summary_zh"`
	Value     *float64 `json:"value"`
	Worst     *float64 `json:"worst"`
	Limit     *float64 `json:"limit"`
	Unit      string   `json:"unit"`

	Opened   *time.Time `json:"opened"`
	Updated  *time.Time `json:"updated"`
	Resolved *time.Time `json:"resolved"`
	Reopened int64      `json:"reopened"`
}

// Event is what a camera or somebody reported.
type Event struct {
	ID          string     `json:"id"`
	Asset       string     `json:"asset"`
	AssetName   string     `json:"asset_name"`
	AssetNameZH string     `json:"asset_name_zh"`
	District    string     `json:"district"`
	Street      string     `json:"street"`
	Lat         *float64   `json:"lat"`
	Lon         *float64   `json:"lon"`
	Kind        string     `json:"kind"`
	KindName    string     `json:"kind_name"`
	KindNameZH  string     `json:"kind_name_zh"`
	Vendor      string     `json:"vendor"`
	Domain      string     `json:"domain"`
	Severity    string     `json:"severity"`
	Team        string     `json:"team"`
	Time        time.Time  `json:"time"`
	End         *time.Time `json:"end"`
	Confidence  *float64   `json:"confidence"`
	Box         *Box       `json:"box"`
	Description string     `json:"description"`
	Snapshot    string     `json:"snapshot"` // a path of Belfry
}

// Box is a part of a picture, in fractions of it.
type Box struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

// Asset is one thing that stands in the city.
type Asset struct {
	Asset     string           `json:"asset"`
	Name      string           `json:"name"`
	NameZH    string           `json:"name_zh"`
	Domain    string           `json:"domain"`
	District  string           `json:"district"`
	Street    string           `json:"street"`
	Community string           `json:"community"`
	Team      string           `json:"team"`
	Lat       *float64         `json:"lat"`
	Lon       *float64         `json:"lon"`
	State     string           `json:"state"`
	Hazards   map[string]int64 `json:"hazards"` // open ones by severity
	Values    []AssetValue     `json:"values"`
}

// AssetValue is the newest value of one series of an asset.
type AssetValue struct {
	Metric string            `json:"metric"`
	Labels map[string]string `json:"labels"`
	Value  *float64          `json:"value"` // null: not a number
	Time   time.Time         `json:"time"`
	Unit   string            `json:"unit"`
}

// Metric explains a metric in both languages.
type Metric struct {
	Name        string `json:"name"`
	Unit        string `json:"unit"`
	GrafanaUnit string `json:"grafana_unit"`
	Help        string `json:"help"`
	HelpZH      string `json:"help_zh"`
	Domain      string `json:"domain"`
	Series      int64  `json:"series"`
}

// Detector watches for anomalies.
type Detector struct {
	Name    string   `json:"name"`
	Model   string   `json:"model"`
	Select  []string `json:"select"`
	Outputs []string `json:"outputs"`
}

// List is some items, and whether there are more.
type List[T any] struct {
	Items []T
	More  bool
	Total int // 0: not known
	// ValuesCut says that there were too many values of assets to have them all.
	ValuesCut bool
}

// mostMetrics bounds how many metrics are explained.
const mostMetrics = 20_000

// perPage is the largest page that Belfry gives.
const perPage = 1000

// page is one answer of a list. Each list has its name.
type page[T any] struct {
	items []T
	next  string
	total int
	cut   bool
}

// collect asks for pages until there are enough items that are wanted, or
// nothing more. maxPages bounds how far it looks for them.
func collect[T any](ctx context.Context, c *Client, route, name string, query url.Values, limit, maxPages int, want func(*T) bool) (List[T], error) {
	var list List[T]
	query = clone(query)
	query.Set("limit", strconv.Itoa(min(limit, perPage)))
	if want != nil {
		query.Set("limit", strconv.Itoa(perPage))
	}
	for range maxPages {
		var p page[T]
		err := c.get(ctx, c.at("api", "belfry", "v1", route), query, func(r io.Reader) (err error) {
			p, err = decodePage[T](r, name)
			return err
		})
		if err != nil {
			return list, err
		}
		list.Total = p.total
		list.ValuesCut = list.ValuesCut || p.cut
		for i := range p.items {
			if want != nil && !want(&p.items[i]) {
				continue
			}
			if len(list.Items) == limit {
				list.More = true
				return list, nil
			}
			list.Items = append(list.Items, p.items[i])
		}
		list.More = p.next != ""
		if !list.More || (want == nil && len(list.Items) >= limit) {
			return list, nil
		}
		query.Set("cursor", p.next)
	}
	return list, nil
}

func decodePage[T any](r io.Reader, name string) (page[T], error) {
	var p page[T]
	var parts map[string]json.RawMessage
	if err := json.NewDecoder(r).Decode(&parts); err != nil {
		return p, fmt.Errorf("read a list of %s: %w", name, err)
	}
	if parts[name] == nil {
		return p, fmt.Errorf("read a list: want %s in it", name)
	}
	if err := json.Unmarshal(parts[name], &p.items); err != nil {
		return p, fmt.Errorf("read a list of %s: %w", name, err)
	}
	for key, to := range map[string]any{"next": &p.next, "total": &p.total, "values_cut": &p.cut} {
		if parts[key] == nil {
			continue
		}
		if err := json.Unmarshal(parts[key], to); err != nil {
			return p, fmt.Errorf("read %s of a list of %s: %w", key, name, err)
		}
	}
	return p, nil
}

func clone(v url.Values) url.Values {
	out := make(url.Values, len(v)+2)
	for k, values := range v {
		out[k] = values
	}
	return out
}

// Hazards lists at most limit of them.
func (c *Client) Hazards(ctx context.Context, query url.Values, limit int) (List[Hazard], error) {
	return collect[Hazard](ctx, c, "hazards", "hazards", query, limit, pages(limit, false), nil)
}

// Events lists at most limit of them.
func (c *Client) Events(ctx context.Context, query url.Values, limit int) (List[Event], error) {
	return collect[Event](ctx, c, "events", "events", query, limit, pages(limit, false), nil)
}

// Assets lists at most limit of those that want accepts; nil accepts all.
func (c *Client) Assets(ctx context.Context, query url.Values, limit int, want func(*Asset) bool) (List[Asset], error) {
	return collect(ctx, c, "assets", "assets", query, limit, pages(limit, want != nil), want)
}

// pages is how many pages are read at most. Where some of each are left out, it
// takes more of them; a filter that leaves out nearly all ends there.
func pages(limit int, picky bool) int {
	n := (limit + perPage - 1) / perPage
	if picky {
		return n + 10
	}
	return n
}

// Metrics explains the metrics that Belfry knows.
func (c *Client) Metrics(ctx context.Context) ([]Metric, error) {
	list, err := collect[Metric](ctx, c, "metrics", "metrics", url.Values{}, mostMetrics, pages(mostMetrics, false), nil)
	return list.Items, err
}

// Explain explains the metrics of these names, as far as Belfry knows them.
func (c *Client) Explain(ctx context.Context, names []string) ([]Metric, error) {
	list, err := collect[Metric](ctx, c, "metrics", "metrics", url.Values{"name": names}, perPage, 1, nil)
	return list.Items, err
}

// Detectors lists those that run.
func (c *Client) Detectors(ctx context.Context) ([]Detector, error) {
	var p page[Detector]
	err := c.get(ctx, c.at("api", "belfry", "v1", "detectors"), nil, func(r io.Reader) (err error) {
		p, err = decodePage[Detector](r, "detectors")
		return err
	})
	return p.items, err
}

// Version is Prometheus' version that Belfry speaks the API of. It is the
// cheapest question that takes a token.
func (c *Client) Version(ctx context.Context) (string, error) {
	var version string
	err := c.get(ctx, c.at("api", "v1", "status", "buildinfo"), nil, func(r io.Reader) error {
		info, err := decodeData[struct {
			Version string `json:"version"`
		}](r)
		version = info.Version
		return err
	})
	return version, err
}
