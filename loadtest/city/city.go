package city

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Options choose a city. Equal options make equal cities.
type Options struct {
	Seed uint64
	// Scale multiplies the numbers of assets; 0 stands for 1, which is a
	// district. At least one asset of each sort stands at any scale.
	Scale float64
	// Interval is how often every device reports; 0 leaves each kind its own.
	Interval time.Duration
	// Mix is what there is of each kind; the zero Mix is District.
	Mix Mix
}

// City is what stands in it, what it reports, and what goes wrong.
type City struct {
	assets  []*Asset
	index   map[string]*Asset
	streams []*Stream
	byAsset map[string][]*Stream
	faults  []Fault
}

// New builds a city.
func New(opt Options) (*City, error) {
	if opt.Scale == 0 {
		opt.Scale = 1
	}
	if !(opt.Scale > 0) || opt.Scale > 1000 {
		return nil, fmt.Errorf("building a city: scale %v is not between 0 and 1000", opt.Scale)
	}
	if opt.Interval < 0 {
		return nil, fmt.Errorf("building a city: interval %v is negative", opt.Interval)
	}
	if opt.Mix == (Mix{}) {
		opt.Mix = District()
	}
	b := newBuilder(opt)
	b.build()
	return b.city(), nil
}

func (b *builder) count(atOne int) int {
	return max(1, int(math.Round(float64(atOne)*b.opt.Scale)))
}

func (b *builder) city() *City {
	c := &City{
		assets:  b.assets,
		index:   make(map[string]*Asset, len(b.assets)),
		streams: b.streams,
		byAsset: make(map[string][]*Stream, len(b.assets)),
	}
	for _, a := range c.assets {
		c.index[a.ID] = a
	}
	for _, s := range c.streams {
		c.byAsset[s.Asset.ID] = append(c.byAsset[s.Asset.ID], s)
	}
	slices.SortFunc(c.assets, func(x, y *Asset) int { return strings.Compare(x.ID, y.ID) })
	return c
}

// Assets are all assets, sorted by id. They are not to be changed.
func (c *City) Assets() []*Asset { return c.assets }

// Asset finds an asset by its id.
func (c *City) Asset(id string) (*Asset, bool) {
	a, ok := c.index[id]
	return a, ok
}

// Streams are all streams, in the order in which the city was built: bays car
// park by car park, sensors, wells, cameras, and what only Whole has.
func (c *City) Streams() []*Stream { return c.streams }

// StreamsOf are the streams of one asset.
func (c *City) StreamsOf(id string) []*Stream { return c.byAsset[id] }

// Series is how many time series the streams make.
func (c *City) Series() int {
	n := 0
	for _, s := range c.streams {
		n += len(s.Fields)
	}
	return n
}

// Faults are the faults scheduled so far.
func (c *City) Faults() []Fault { return slices.Clone(c.faults) }
