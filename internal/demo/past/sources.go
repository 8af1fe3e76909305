package past

import (
	"math"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/loadtest/city"
)

// sources makes what is read of the past of a city.
type sources struct {
	o        Options
	verdicts []*verdict
}

// perKind is how many assets of a kind are landmarks, of which more is known than
// of others.
const perKind = 8

// landmarks are some of each kind.
func (b *sources) landmarks() []*source {
	count := map[city.Kind]int{}
	some := map[string]bool{}
	for _, a := range b.o.City.Assets() {
		if a.Kind == city.KindBay {
			continue
		}
		if count[a.Kind]++; count[a.Kind] <= perKind {
			some[a.ID] = true
		}
	}
	return b.of(func(id string) bool { return some[id] })
}

func (b *sources) everything() []*source {
	out := b.of(func(string) bool { return true })
	for _, s := range b.o.City.Streams() {
		if s.Measurement == "parking_bay" {
			out = append(out, stays(s))
		}
	}
	return out
}

// of makes the sources of some assets.
func (b *sources) of(some func(id string) bool) []*source {
	var out []*source
	for _, s := range b.o.City.Streams() {
		switch {
		case !some(s.Asset.ID):
		case s.Measurement == "parking_lot":
			out = append(out, b.lot(s))
		default:
			out = append(out, b.stream(s))
		}
	}
	out = append(out, b.catalog(some))
	out = append(out, b.silence(some))
	out = append(out, b.sections(some), b.nights(some), b.seen(some))
	for _, v := range b.verdicts {
		if some(v.asset) {
			out = append(out, v.source())
		}
	}
	return out
}

// stream is what a device said.
func (b *sources) stream(s *city.Stream) *source {
	out := &source{}
	for i := range s.Fields {
		out.series = append(out.series, seriesLabels(s.Metric(i), s))
	}
	n := len(s.Fields)
	out.read = func(at int64, dst []float64) []float64 {
		before := len(dst)
		dst, ok := s.ReadMS(at, dst)
		if !ok {
			for range n {
				dst = append(dst, math.NaN())
			}
		}
		for i := range n {
			dst[before+i] = rounded(dst[before+i], s.Fields[i].Decimals)
		}
		return dst
	}
	return out
}

// rounded is what a device sends of a value.
func rounded(v float64, decimals int) float64 {
	if decimals == 0 {
		return math.Trunc(v)
	}
	p := math.Pow10(decimals)
	return math.Round(v*p) / p
}

// catalog is what the register says of assets.
func (b *sources) catalog(some func(id string) bool) *source {
	out := &source{}
	var values []float64
	b.o.Catalog.Series(func(name string, ls labels.Labels, v float64) {
		if some(ls.Get("asset")) {
			out.series, values = append(out.series, labels.NewBuilder(ls).Set(metricLabel, name).Labels()), append(values, v)
		}
	})
	out.read = func(_ int64, dst []float64) []float64 { return append(dst, values...) }
	return out
}

// silence is which devices said nothing.
func (b *sources) silence(some func(id string) bool) *source {
	fell := map[string]bool{}
	for _, f := range b.o.City.Faults() {
		fell[f.Asset] = fell[f.Asset] || f.Kind == city.Silence
	}
	out := &source{}
	quiet := map[int]*city.Stream{} // by its place
	for _, a := range b.o.City.Assets() {
		streams := b.o.City.StreamsOf(a.ID)
		if len(streams) == 0 || !some(a.ID) {
			continue
		}
		if fell[a.ID] {
			quiet[len(out.series)] = streams[0]
		}
		out.series = append(out.series, labels.FromStrings(metricLabel, "device_silent", "asset", a.ID))
	}
	var room []float64
	out.read = func(at int64, dst []float64) []float64 {
		for n := range out.series {
			silent := 0.0
			if s, ok := quiet[n]; ok {
				if room, ok = s.ReadMS(at, room[:0]); !ok {
					silent = 1
				}
			}
			dst = append(dst, silent)
		}
		return dst
	}
	return out
}

// lot is a car park, and how full it was.
func (b *sources) lot(s *city.Stream) *source {
	out := b.stream(s)
	for _, name := range []string{"parking_lot_fill_percent", "parking_lot_occupancy_ratio"} {
		out.series = append(out.series, seriesLabels(name, s))
	}
	said := out.read
	out.read = func(at int64, dst []float64) []float64 {
		before := len(dst)
		dst = said(at, dst)
		share := dst[before] / dst[before+1]
		return append(dst, 100*share, share)
	}
	return out
}

// seen is what cameras saw, each at the first instant after it.
func (b *sources) seen(some func(id string) bool) *source {
	out := &source{}
	place := map[string]int{}
	at := map[int64]map[int]float64{}
	for _, s := range b.o.Sightings {
		if !some(s.Camera) {
			continue
		}
		key := s.Camera + "\xff" + s.Kind
		n, ok := place[key]
		if !ok {
			n = len(out.series)
			place[key] = n
			out.series = append(out.series, labels.FromStrings(metricLabel, "camera_event_confidence", "asset", s.Camera, "kind", s.Kind))
		}
		when := s.At.Truncate(step).Add(step).UnixMilli()
		if at[when] == nil {
			at[when] = map[int]float64{}
		}
		at[when][n] = s.Confidence
	}
	out.read = func(now int64, dst []float64) []float64 {
		for n := range out.series {
			v, ok := at[now][n]
			if !ok {
				v = math.NaN()
			}
			dst = append(dst, v)
		}
		return dst
	}
	return out
}
