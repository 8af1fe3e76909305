package past

import (
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/loadtest/city"
)

// stays is since when a bay was taken, how long cars stayed, and how many have
// left, as Belfry finds it out.
func stays(s *city.Stream) *source {
	const by = "geomagnetic"
	lot := s.Asset.Parent
	const never = -1
	taken, since, left, first := false, int64(never), 0.0, true
	var room []float64
	return &source{
		goesOn: true,
		series: []labels.Labels{
			labels.FromStrings(metricLabel, "parking_bay_occupied_since_timestamp_seconds", "asset", s.Asset.ID, "source", by),
			labels.FromStrings(metricLabel, "parking_stay_seconds", "asset", s.Asset.ID, "lot", lot, "source", by),
			labels.FromStrings(metricLabel, "parking_bay_stays_total", "asset", s.Asset.ID, "lot", lot, "source", by),
		},
		read: func(at int64, dst []float64) []float64 {
			stood := math.NaN()
			room, _ = s.ReadMS(at, room[:0])
			switch now := len(room) > 0 && room[0] > 0; {
			case now && !taken && !first:
				since = at
			case !now && taken:
				if left++; since != never {
					stood = float64(at-since) / 1000
				}
				since = never
			}
			taken, first = len(room) > 0 && room[0] > 0, false
			begun := math.NaN()
			if since != never {
				begun = float64(since) / 1000
			}
			return append(dst, begun, stood, left)
		},
	}
}

// sections is what rules record of each section of lamps.
func (b *sources) sections(some func(id string) bool) *source {
	lamps := map[string][]*city.Stream{}
	var ids []string
	for _, s := range b.o.City.Streams() {
		if id := s.Asset.Parent; s.Measurement == "lamp" && some(id) {
			if lamps[id] == nil {
				ids = append(ids, id)
			}
			lamps[id] = append(lamps[id], s)
		}
	}
	out := &source{}
	for _, id := range ids {
		for _, name := range []string{"lamp_section_off_percent", "lamp_section_mean_power_watts"} {
			out.series = append(out.series, labels.FromStrings(metricLabel, name, "asset", id, "section", id))
		}
	}
	var room []float64
	out.read = func(at int64, dst []float64) []float64 {
		for _, id := range ids {
			off, watts, n := 0.0, 0.0, float64(len(lamps[id]))
			for _, s := range lamps[id] {
				var ok bool
				if room, ok = s.ReadMS(at, room[:0]); ok {
					off, watts = off+1-room[0], watts+room[1]
				}
			}
			dst = append(dst, 100*off/n, watts/n)
		}
		return dst
	}
	return out
}

// nights is what rules record of the flow of each meter, and of each metering area,
// between two and four in the morning.
func (b *sources) nights(some func(id string) bool) *source {
	var meters []*city.Stream
	var areas []string
	out := &source{}
	for _, s := range b.o.City.Streams() {
		if s.Asset.Kind != city.KindMeter || !some(s.Asset.ID) || !some(s.Asset.Parent) {
			continue
		}
		meters = append(meters, s)
		if !slices.Contains(areas, s.Asset.Parent) {
			areas = append(areas, s.Asset.Parent)
		}
		for _, name := range []string{"water_night_flow_m3_per_hour", "water_night_flow_percent"} {
			out.series = append(out.series, seriesLabels(name, s))
		}
	}
	for _, id := range areas {
		out.series = append(out.series, labels.FromStrings(metricLabel, "water_dma_night_flow_m3_per_hour", "asset", id, "dma", id))
	}
	out.read = func(at int64, dst []float64) []float64 {
		if !isNight(at) {
			for range out.series {
				dst = append(dst, math.NaN())
			}
			return dst
		}
		sum := map[string]float64{}
		for _, s := range meters {
			const recent, every, day, hour = 70 * 60_000, 300_000, 24 * 3_600_000, 3_600_000
			flow := mean(s, at-recent, at, every)
			sum[s.Asset.Parent] += flow
			dst = append(dst, flow, 100*flow/mean(s, at-day, at, hour))
		}
		for _, id := range areas {
			dst = append(dst, sum[id])
		}
		return dst
	}
	return out
}

// isNight is when the rules look: 18 to 20 o'clock in UTC.
func isNight(at int64) bool {
	const hour, from, to = 3_600_000, 18, 20
	h := at / hour % 24
	return h >= from && h < to
}

// mean is that of a stream's first field.
func mean(s *city.Stream, from, to, every int64) float64 {
	var room []float64
	sum, n := 0.0, 0.0
	for at := from + every; at <= to; at += every {
		var ok bool
		if room, ok = s.ReadMS(at, room[:0]); ok {
			sum, n = sum+room[0], n+1
		}
	}
	return sum / n
}
