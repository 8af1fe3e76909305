package catalog

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// Directions and levels of thresholds.
const (
	Above    = "above"
	Below    = "below"
	Warning  = "warning"
	Critical = "critical"
)

// Domains are the words that Asset.Domain may be, besides "".
func Domains() []string {
	return []string{
		"gas", "bridge", "tunnel", "road", "drainage", "water", "lighting", "landscape", "parking", "camera", "device",
	}
}

// Teams are the words that Asset.Team may be, besides "".
func Teams() []string {
	return []string{"sanitation", "municipal", "landscape", "urban_management", "volunteers"}
}

// Asset is one thing that stands in the city. Texts are "" when not given.
type Asset struct {
	ID        string // the label `asset` of its series
	Domain    string
	Kind      string // free, such as septic_tank or bay
	Name      string
	NameZH    string
	District  string
	Street    string
	Community string
	Team      string

	// Lat and Lon are degrees in WGS 84; both are NaN when not given.
	Lat, Lon float64

	// External holds the ids that others know it by, such as devEui or mn.
	External map[string]string

	// ExpectedInterval is how often it should be heard of; 0 when not given.
	ExpectedInterval time.Duration

	Thresholds []Threshold
}

// Located reports whether the position is known.
func (a *Asset) Located() bool { return !math.IsNaN(a.Lat) }

// Threshold is a limit of one asset for one metric, in the metric's own unit.
type Threshold struct {
	Metric    string
	Direction string // Above or Below
	Level     string // Warning or Critical
	Value     float64
}

// Catalog is all assets. It is immutable and safe for concurrent use, and so
// are the assets that it gives out: do not change them.
type Catalog struct {
	assets     []*Asset // by id
	byID       map[string]*Asset
	byExternal map[externalID]*Asset
}

type externalID struct{ kind, id string }

// Empty is a catalog without assets.
func Empty() *Catalog { return build(nil) }

func build(assets []*Asset) *Catalog {
	slices.SortFunc(assets, func(a, b *Asset) int { return strings.Compare(a.ID, b.ID) })
	c := &Catalog{
		assets:     assets,
		byID:       make(map[string]*Asset, len(assets)),
		byExternal: make(map[externalID]*Asset),
	}
	for _, a := range assets {
		c.byID[a.ID] = a
		for kind, id := range a.External {
			c.byExternal[externalID{kind, id}] = a
		}
	}
	return c
}

// Asset finds an asset by its id.
func (c *Catalog) Asset(id string) (*Asset, bool) {
	a, ok := c.byID[id]
	return a, ok
}

// ByExternal finds an asset by an id that others know it by. Both kind and id
// are compared as they were written.
func (c *Catalog) ByExternal(kind, id string) (*Asset, bool) {
	a, ok := c.byExternal[externalID{kind, id}]
	return a, ok
}

// Assets are all assets, sorted by id. The slice belongs to the catalog.
func (c *Catalog) Assets() []*Asset { return c.assets }

// Len is the number of assets.
func (c *Catalog) Len() int { return len(c.assets) }

// Series calls yield for every series that the catalog stands for, so that
// queries can join with it: asset_info is always 1, asset_threshold is the
// threshold's value. labels hold the metric's name too; texts that are not
// given make no label.
func (c *Catalog) Series(yield func(metric string, labels labels.Labels, value float64)) {
	const info, threshold = "asset_info", "asset_threshold"
	b := labels.NewScratchBuilder(12)
	add := func(name, value string) {
		if value != "" {
			b.Add(name, value)
		}
	}
	done := func() labels.Labels {
		b.Sort()
		defer b.Reset()
		return b.Labels()
	}
	for _, a := range c.assets {
		add(model.MetricNameLabel, info)
		add("asset", a.ID)
		add("domain", a.Domain)
		add("kind", a.Kind)
		add("name", a.Name)
		add("name_zh", a.NameZH)
		add("district", a.District)
		add("street", a.Street)
		add("community", a.Community)
		add("team", a.Team)
		yield(info, done(), 1)
		for _, t := range a.Thresholds {
			add(model.MetricNameLabel, threshold)
			add("asset", a.ID)
			add("metric", t.Metric)
			add("direction", t.Direction)
			add("level", t.Level)
			yield(threshold, done(), t.Value)
		}
	}
}
