package assetapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/internal/httpapi/assetapi/initials"
)

const (
	// lookEvery is how often is looked for assets that only series know.
	lookEvery = 5 * time.Second
	// askAgain is how soon is looked again for the domain of those for which no metric
	// has said it.
	askAgain = 5 * time.Minute
	// recent is within which time an asset that only series know must have had a
	// sample, as of the time that is asked for; what the database holds in memory may
	// be older.
	recent = time.Hour
	// some is how many assets are looked for one by one, and not among all series.
	some = 200
)

// entry is an asset, and how it is found.
type entry struct {
	*catalog.Asset
	text     string // in small letters
	initials initials.Name
}

func (e *entry) contains(text string, q initials.Query) bool {
	return strings.Contains(e.text, text) || len(q) > 0 && q.In(e.initials)
}

// directory knows all assets: those of the catalog, and those that only series know.
type directory struct {
	opts  Options
	every time.Duration

	mu      sync.Mutex
	catalog *catalog.Catalog
	named   []*entry // of the catalog, by id
	looked  time.Time
	asked   time.Time         // when the domains of all were asked for
	strange map[string]*entry // that only series know
	all     []*entry          // by id; is replaced, and not changed
}

func newDirectory(o Options) *directory {
	return &directory{opts: o, every: lookEvery, strange: map[string]*entry{}}
}

// get are all assets, by id.
func (d *directory) get(ctx context.Context) ([]*entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.opts.Catalog()
	changed := c != d.catalog
	if changed {
		d.named = entries(c)
		d.catalog = c
	}
	if changed || time.Since(d.looked) >= d.every {
		now := time.Now()
		more, err := d.look(ctx, now)
		if err != nil {
			d.catalog = nil // all of it again
			return nil, err
		}
		d.looked, changed = now, changed || more
	}
	if changed {
		d.all = merged(d.named, d.strange)
	}
	return d.all, nil
}

// at are all assets of a time that is past, by id.
func (d *directory) at(ctx context.Context, at int64) ([]*entry, error) {
	now, err := d.get(ctx)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	// What is known of those of now need not be asked again.
	past := &directory{opts: d.opts, strange: d.strange, catalog: d.catalog, asked: time.UnixMilli(at)}
	d.mu.Unlock()
	if _, err := past.look(ctx, time.UnixMilli(at)); err != nil {
		return nil, err
	}
	return merged(slices.DeleteFunc(slices.Clone(now), func(e *entry) bool {
		_, named := past.catalog.Asset(e.ID)
		return !named
	}), past.strange), nil
}

// merged are all of them, by id.
func merged(named []*entry, strange map[string]*entry) []*entry {
	all := make([]*entry, 0, len(named)+len(strange))
	all = append(all, named...)
	for _, e := range strange {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *entry) int { return strings.Compare(a.ID, b.ID) })
	return all
}

func entries(c *catalog.Catalog) []*entry {
	reader := initials.NewReader()
	all := make([]*entry, 0, c.Len())
	for _, a := range c.Assets() {
		all = append(all, &entry{a, strings.ToLower(a.ID + "\n" + a.Name + "\n" + a.NameZH), reader.Read(a.NameZH)})
	}
	return all
}

// look looks for assets that only series know, and says whether they are others than
// before.
func (d *directory) look(ctx context.Context, now time.Time) (changed bool, err error) {
	q, err := d.opts.Store.Querier(now.Add(-recent).UnixMilli(), now.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("look for assets: %w", err)
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	ids, _, err := q.LabelValues(ctx, assetLabel, nil)
	if err != nil {
		return false, fmt.Errorf("look for assets: %w", err)
	}
	there := make(map[string]*entry, len(d.strange))
	var fresh, mute []*entry
	for _, id := range ids {
		if _, named := d.catalog.Asset(id); named {
			continue
		}
		e := d.strange[id]
		switch {
		case e == nil:
			id = strings.Clone(id) // it may be in memory of the database
			e = &entry{Asset: &catalog.Asset{ID: id, Lat: math.NaN(), Lon: math.NaN()}, text: strings.ToLower(id)}
			fresh = append(fresh, e)
			changed = true
		case e.Domain == "":
			mute = append(mute, e)
		}
		there[e.ID] = e
	}
	changed = changed || len(there) != len(d.strange)
	if now.Sub(d.asked) >= askAgain {
		fresh, d.asked = append(fresh, mute...), now
	}
	said, err := d.domains(ctx, q, &storage.SelectHints{Start: now.Add(-recent).UnixMilli(), End: now.UnixMilli(), Func: "series"}, fresh)
	if err != nil {
		return false, err
	}
	for id, domain := range said {
		known := *there[id].Asset // others may be looking at it
		known.Domain = domain
		there[id] = &entry{&known, there[id].text, nil}
		changed = true
	}
	d.strange = there
	return changed, nil
}

// domains asks the metrics of assets for their domain.
func (d *directory) domains(ctx context.Context, q storage.Querier, hints *storage.SelectHints, all []*entry) (map[string]string, error) {
	wanted := make(map[string]bool, len(all))
	for _, e := range all {
		wanted[e.ID] = true
	}
	said := map[string]string{}
	ask := func(m *labels.Matcher) error {
		set := q.Select(ctx, false, hints, m)
		for set.Next() {
			series := set.At().Labels()
			id := series.Get(assetLabel)
			if !wanted[id] {
				continue
			}
			if known, _ := d.opts.Metrics.Of(series.Get(model.MetricNameLabel)); known.Domain != "" {
				id = strings.Clone(id)
				if before, ok := said[id]; !ok || known.Domain < before {
					said[id] = known.Domain
				}
			}
		}
		if err := set.Err(); err != nil {
			return fmt.Errorf("look for the domains of assets: %w", err)
		}
		return nil
	}
	if len(all) > some {
		return said, ask(labels.MustNewMatcher(labels.MatchNotEqual, assetLabel, ""))
	}
	for _, e := range all {
		if err := ask(labels.MustNewMatcher(labels.MatchEqual, assetLabel, e.ID)); err != nil {
			return nil, err
		}
	}
	return said, nil
}

const assetLabel = "asset"
