package pages

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Class says what kind of rule and series a page comes from.
type Class string

// Classes of pages.
const (
	LimitKnown  Class = "limit in the rule, known series"
	LimitNew    Class = "limit in the rule, new series"
	OwnKnown    Class = "asset's own limit, known series"
	OwnNew      Class = "asset's own limit, new series"
	StreetBays  Class = "average over a street, 24,000 bays"
	StreetOther Class = "other aggregates over a street"
)

// ofAssets are the classes of rules on single series and assets, ofStreets those
// of aggregates.
func ofAssets() []Class  { return []Class{LimitKnown, LimitNew, OwnKnown, OwnNew} }
func ofStreets() []Class { return []Class{StreetBays, StreetOther} }

// cause is a request with readings that cause one page, and no other at once.
type cause struct {
	class Class
	page  page
	// due is when the request is to be sent, from the beginning on.
	due time.Duration
	// breaks and normal are the readings, lines without a time: those that cause
	// the page, and those of before and after it.
	breaks, normal []string
	// own is the threshold of the asset itself, if it has one.
	own *threshold
}

// page is how an alert is told apart from the others.
type page struct{ alert, label, value string }

type threshold struct {
	asset, metric string
	value         float64
}

func (c *cause) known() bool { return c.class != LimitNew && c.class != OwnNew }

// rates are how many pages a second are caused.
type rates struct{ assets, streets float64 }

// causes are due at random moments, one in each slot of equal length, so that
// they keep no step with anything that happens once a second.
func causes(during time.Duration, r rates, streets []string, seed uint64) []*cause {
	rng := rand.New(rand.NewPCG(seed, 0x9a6e))
	var all []*cause
	spread := func(rate float64, nth func(n int) *cause) {
		slot := time.Duration(float64(time.Second) / rate)
		for n := range int(during.Seconds() * rate) {
			c := nth(n)
			c.due = time.Duration(n)*slot + time.Duration(rng.Int64N(int64(slot)))
			all = append(all, c)
		}
	}
	spread(r.assets, func(n int) *cause { return ofAsset(n, streets[n%len(streets)]) })
	spread(r.streets, ofStreet)
	slices.SortStableFunc(all, func(a, b *cause) int { return int(a.due - b.due) })
	return all
}

// quantity is what a well measures, and what breaks its limits.
type quantity struct {
	field, metric string
	normal        float64
	// limit is the alert of the limit that stands in the rule, own that of the
	// limit which an asset has of its own.
	limit, own     string
	overLimit      float64
	ownIs, overOwn float64
}

func quantities() []quantity {
	return []quantity{
		{"ch4_lel_percent", "gas_ch4_lel_percent", 0.5, methaneOfStreet, "GasCombustibleCritical", 40, 25, 30},
		{"h2s_ppm", "gas_h2s_ppm", 0.3, sulfideOfStreet, "GasHydrogenSulfideCritical", 15, 9, 10},
		{"co_ppm", "gas_co_ppm", 0.8, monoxideOfStreet, "GasCarbonMonoxideCritical", 120, 70, 80},
	}
}

// ofAsset takes turns with classes and quantities. Each has an asset of its own.
func ofAsset(n int, street string) *cause {
	classes, all := ofAssets(), quantities()
	c := &cause{class: classes[n%len(classes)]}
	q := all[n/len(classes)%len(all)]
	asset := fmt.Sprintf("BENCH-%05d", n)
	alert, over := q.limit, q.overLimit
	if c.class == OwnKnown || c.class == OwnNew {
		alert, over = q.own, q.overOwn
		c.own = &threshold{asset, q.metric, q.ownIs}
	}
	line := fmt.Sprintf("gas,asset=%s,street=%s %s=", asset, street, q.field)
	c.page = page{alert, "asset", asset}
	c.breaks, c.normal = []string{line + decimal(over)}, []string{line + decimal(q.normal)}
	return c
}

func decimal(v float64) string { return fmt.Sprintf("%.2f", v) }

// ofStreet takes turns with aggregates, every second of all bays. Each has a
// street of its own.
func ofStreet(n int) *cause {
	street := fmt.Sprintf("bench-lane-%04d", n)
	c := &cause{class: StreetOther, page: page{label: "street", value: street}}
	readings := func(count int, line string, normal, over string) {
		for i := range count {
			start := strings.NewReplacer("ASSET", fmt.Sprintf("LANE-%04d-%02d", n, i), "STREET", street).Replace(line)
			c.normal = append(c.normal, start+normal)
			if c.page.alert == oxygenOfStreet && i%2 == 1 {
				continue
			}
			c.breaks = append(c.breaks, start+over)
		}
	}
	switch {
	case n%2 == 0:
		c.class, c.page.alert = StreetBays, baysOfStreet
		readings(20, "parking_bay,asset=ASSET,street=STREET occupied=", "0i", "1i")
	case n%6 == 1:
		c.page.alert = tiltOfStreet
		readings(3, "structure,asset=ASSET,street=STREET tilt_degrees=", "0.050", "0.400")
	case n%6 == 3:
		c.page.alert = camerasOfStreet
		readings(4, "camera,asset=ASSET,street=STREET up=", "1i", "0i")
	default:
		c.page.alert = oxygenOfStreet
		readings(4, "gas,asset=ASSET,street=STREET o2_percent=", "20.70", "18.90")
	}
	return c
}

// body are lines of the instant.
func body(lines []string, at time.Time) []byte {
	var out []byte
	for _, line := range lines {
		out = fmt.Appendf(out, "%s %d\n", line, at.UnixMilli()*int64(time.Millisecond))
	}
	return out
}

// writeCatalog writes the assets that have a threshold.
func writeCatalog(w io.Writer, all []*cause) error {
	if _, err := fmt.Fprintln(w, "assets:"); err != nil {
		return err
	}
	for _, c := range all {
		if c.own == nil {
			continue
		}
		_, err := fmt.Fprintf(w, "  - id: %s\n    domain: gas\n    thresholds:\n      - {metric: %s, direction: above, level: critical, value: %v}\n",
			c.own.asset, c.own.metric, c.own.value)
		if err != nil {
			return fmt.Errorf("writing the catalog: %w", err)
		}
	}
	return nil
}
