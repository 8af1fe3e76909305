package query

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
)

const bucketLabel = "le"

// Types of frames that the SDK has no constants for.
const (
	typeHeatmapRows  data.FrameType = "heatmap-rows"
	typeHeatmapCells data.FrameType = "heatmap-cells"
)

// heatmaps is one frame for each set of series that differ only in le, in which
// a bucket counts what is in it alone. Native histograms are cells.
func heatmaps(result *client.Result, expr string, w window) (frames data.Frames) {
	groups := map[string][]client.Series{}
	for _, s := range result.Series {
		if len(s.Histograms) > 0 && len(s.Values) == 0 {
			frames = append(frames, cells(&s, result.Type))
			continue
		}
		others := maps.Clone(s.Labels)
		delete(others, bucketLabel)
		key := seriesName(others)
		groups[key] = append(groups[key], s)
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		frames = append(frames, rows(key, groups[key], result.Type, w))
	}
	if len(frames) == 0 {
		frame := data.NewFrame("")
		frame.Meta = meta(typeHeatmapRows, result.Type)
		describe(data.Frames{frame}, expr)
		frames = data.Frames{frame}
	}
	return frames
}

func bound(s client.Series) float64 {
	v, err := strconv.ParseFloat(s.Labels[bucketLabel], 64)
	if err != nil {
		return math.Inf(1)
	}
	return v
}

// rows takes from each bucket what is in those below it.
func rows(name string, buckets []client.Series, result string, w window) *data.Frame {
	slices.SortStableFunc(buckets, func(x, y client.Series) int { return cmp.Compare(bound(x), bound(y)) })
	instants := map[int64]int{}
	for _, b := range buckets {
		for _, t := range b.Times {
			instants[t.UnixMilli()] = 0
		}
	}
	times := make([]time.Time, 0, len(instants))
	for i, ms := range slices.Sorted(maps.Keys(instants)) {
		instants[ms] = i
		times = append(times, time.UnixMilli(ms).UTC())
	}
	field := data.NewField(timeName, nil, times)
	field.Config = &data.FieldConfig{Interval: float64(w.step.Milliseconds())}
	fields := []*data.Field{field}
	below := make([]float64, len(times))
	for _, b := range buckets {
		counts := make([]*float64, len(times))
		for i, v := range b.Values {
			at := instants[b.Times[i].UnixMilli()]
			own := max(v-below[at], 0)
			counts[at], below[at] = &own, v
		}
		le := b.Labels[bucketLabel]
		column := data.NewField(le, data.Labels(b.Labels), counts)
		column.Config = &data.FieldConfig{DisplayNameFromDS: le}
		fields = append(fields, column)
	}
	frame := data.NewFrame(name, fields...)
	frame.Meta = meta(typeHeatmapRows, result)
	return frame
}

// cells are the buckets of native histograms, each with its bounds.
func cells(s *client.Series, result string) *data.Frame {
	var (
		times        []time.Time
		lower, upper []float64
		counts       []float64
		layout       = []int8{}
	)
	for _, h := range s.Histograms {
		for _, b := range h.Buckets {
			times = append(times, h.Time)
			lower, upper, counts = append(lower, b.Lower), append(upper, b.Upper), append(counts, b.Count)
			layout = append(layout, 0)
		}
	}
	frame := data.NewFrame(seriesName(s.Labels),
		data.NewField("xMax", nil, times), data.NewField("yMin", data.Labels(s.Labels), lower), data.NewField("yMax", nil, upper),
		data.NewField("count", nil, counts), data.NewField("yLayout", nil, layout))
	frame.Meta = meta(typeHeatmapCells, result)
	return frame
}
