package query

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/sourcegraph/conc/pool"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

const (
	defaultAnomalies = 20
	mostAnomalies    = 100
	mostScores       = 5_000 // of a rule, which needs no more of a series
)

// outputs are the series that detectors store, as docs/anomalies.md describes
// them, and the fields that they become.
func outputs() []string { return []string{"expected", "lower", "upper", "score"} }

// anomalies are the values of series beside what their detectors say of them,
// and the stretches that are anomalous.
func (a *asked) anomalies(ctx context.Context) (data.Frames, error) {
	p := &a.Anomalies
	if strings.TrimSpace(p.Select) == "" {
		return nil, nil
	}
	w, err := newWindow(a.from, a.to, a.interval, a.Interval, a.Scrape)
	if err != nil {
		return nil, err
	}
	sel := interpolate(p.Select, w)
	matchers, err := a.Client.Selector(ctx, sel)
	if err != nil {
		return nil, err
	}
	results, err := a.watched(ctx, sel, matchers, w)
	if err != nil {
		return nil, err
	}
	limit := limited(p.Limit, defaultAnomalies, mostAnomalies)
	if a.alerting {
		limit = mostScores
	}
	sets, total := match(results, limit)
	units := map[string]string{}
	for _, s := range sets {
		units[s.values.Labels["__name__"]] = ""
	}
	if !a.alerting {
		if err := a.unitsOf(ctx, units); err != nil {
			return nil, err
		}
	}
	var frames data.Frames
	for i, s := range sets {
		frame := a.watchedFrame(s, w, units[s.values.Labels["__name__"]])
		if a.Distinct {
			for _, field := range frame.Fields[1:3] { // the value, and what was expected
				give(field, i)
			}
		}
		frames = append(frames, frame)
		if marks := a.marks(s, w); marks != nil && !a.alerting {
			frames = append(frames, marks)
		}
	}
	if a.alerting {
		frames = scores(sets)
	}
	describe(frames, fmt.Sprintf("Select: %s\nStep: %s", sel, w.step))
	for _, result := range results {
		if result.Cut && len(frames) > 0 {
			a.leaveOut(frames[0], a.unread(result))
			break
		}
	}
	if len(frames) > 0 && total > len(sets) {
		a.leaveOut(frames[0], a.say(wording.Text{
			EN: "Shown are %d of %d series, each counted once for each of its detectors. Narrow the selector, or raise the limit of the query (at most %d).",
			ZH: "只显示了 %d / %d 条序列（每个检测器各计一次）。请缩小选择器，或调大查询的条数上限（最多 %d）。",
		}, len(sets), total, mostAnomalies))
	}
	return frames, nil
}

// watched asks for the values and all that detectors say of them side by side.
// The first is the values.
func (a *asked) watched(ctx context.Context, sel string, matchers []client.Matcher, w window) ([]*client.Result, error) {
	exprs := []string{sel}
	for _, output := range outputs() {
		expr := outputSelector("anomaly_"+output, matchers, a.Anomalies.Detector)
		if output == "score" {
			// The highest of a step: an anomaly between two steps is one too.
			expr = fmt.Sprintf("max_over_time(%s[%s]) or (%s + 0)", expr, duration(w.step), expr)
		}
		if output != "score" && a.alerting {
			expr = "" // rules compare scores only
		}
		exprs = append(exprs, expr)
	}
	results := make([]*client.Result, len(exprs))
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError().WithMaxGoroutines(concurrent)
	for i, expr := range exprs {
		if expr == "" {
			results[i] = &client.Result{}
			continue
		}
		p.Go(func(ctx context.Context) (err error) {
			results[i], err = a.Client.QueryRange(ctx, client.Range{Expr: expr, Start: w.from, End: w.to, Step: w.step})
			return err
		})
	}
	return results, p.Wait()
}

// outputSelector selects what detectors store for what the matchers select.
func outputSelector(name string, matchers []client.Matcher, detector string) string {
	parts := []string{"__name__=" + strconv.Quote(name)}
	for _, m := range matchers {
		label := m.Name
		switch label {
		case "__name__":
			label = "metric"
		case "metric", "detector":
			label = "exported_" + label
		}
		parts = append(parts, label+m.Type+strconv.Quote(m.Value))
	}
	if detector != "" {
		parts = append(parts, "detector="+strconv.Quote(detector))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// set is one series and what one detector says of it.
type set struct {
	values   client.Series
	detector string
	said     map[string]client.Series // by output
}

// match puts together what is of the same series. A series that no detector
// speaks of is a set without words.
func match(results []*client.Result, limit int) (sets []*set, total int) {
	type key struct{ series, detector string }
	said := map[key]map[string]client.Series{}
	detectors := map[string][]string{}
	for i, output := range outputs() {
		for _, s := range results[i+1].Series {
			labels := watchedLabels(s.Labels)
			k := key{seriesName(labels), s.Labels["detector"]}
			if said[k] == nil {
				said[k] = map[string]client.Series{}
				detectors[k.series] = append(detectors[k.series], k.detector)
			}
			said[k][output] = s
		}
	}
	values := slices.Clone(results[0].Series)
	slices.SortFunc(values, func(x, y client.Series) int { return strings.Compare(seriesName(x.Labels), seriesName(y.Labels)) })
	total = results[0].Total - len(values)
	for _, v := range values {
		name := seriesName(v.Labels)
		by := detectors[name]
		slices.Sort(by)
		if len(by) == 0 {
			by = []string{""}
		}
		for _, d := range by {
			total++
			if len(sets) < limit {
				sets = append(sets, &set{values: v, detector: d, said: said[key{name, d}]})
			}
		}
	}
	return sets, total
}

// watchedLabels are those of the series that a detector speaks of.
func watchedLabels(labels map[string]string) map[string]string {
	out := make(map[string]string, len(labels))
	for name, value := range labels {
		switch name {
		case "__name__", "detector":
		case "metric":
			out["__name__"] = value
		case "exported_metric", "exported_detector":
			out[strings.TrimPrefix(name, "exported_")] = value
		default:
			out[name] = value
		}
	}
	return out
}

// watchedFrame has a row for each step at which there is anything.
func (a *asked) watchedFrame(s *set, w window, unit string) *data.Frame {
	at := map[int64]int{}
	all := []client.Series{s.values}
	for _, output := range outputs() {
		all = append(all, s.said[output])
	}
	for _, series := range all {
		for _, t := range series.Times {
			at[t.UnixMilli()] = 0
		}
	}
	times := make([]time.Time, 0, len(at))
	for i, ms := range slices.Sorted(maps.Keys(at)) {
		at[ms] = i
		times = append(times, time.UnixMilli(ms).UTC())
	}
	labels := maps.Clone(s.values.Labels)
	if s.detector != "" {
		labels["detector"] = s.detector
	}
	name := legend(a.LegendFormat, a.Anomalies.Select, labels)
	fields := []*data.Field{configured(data.NewField(timeName, nil, times), data.FieldConfig{Interval: float64(w.step.Milliseconds())})}
	for i, series := range all {
		column := make([]*float64, len(times))
		for j, t := range series.Times[:len(series.Values)] {
			column[at[t.UnixMilli()]] = &series.Values[j]
		}
		field := data.NewField(append([]string{"value"}, outputs()...)[i], data.Labels(labels), column)
		if field.Name != "score" && unit != "" {
			field.Config = &data.FieldConfig{Unit: unit}
		}
		fields = append(fields, field)
	}
	frame := data.NewFrame(name, fields...)
	frame.Meta = &data.FrameMeta{Type: data.FrameTypeTimeSeriesWide, TypeVersion: data.FrameTypeVersion{0, 1}}
	return frame
}

// marks are the stretches where the score is over 1, for Grafana to shade; nil:
// there are none.
func (a *asked) marks(s *set, w window) *data.Frame {
	score := s.said["score"]
	var from, to []time.Time
	for i, v := range score.Values {
		if v <= 1 {
			continue
		}
		t := score.Times[i]
		if n := len(to); n > 0 && !t.After(to[n-1]) {
			to[n-1] = t.Add(w.step)
			continue
		}
		from, to = append(from, t), append(to, t.Add(w.step))
	}
	if len(from) == 0 {
		return nil
	}
	regions, titles, tags, texts := make([]bool, len(from)), make([]string, len(from)), make([]string, len(from)), make([]string, len(from))
	for i := range from {
		regions[i], tags[i] = true, "anomaly"
		titles[i] = a.say(wording.Text{EN: "Anomaly", ZH: "异常"})
		texts[i] = plain(seriesName(s.values.Labels) + " · " + s.detector)
	}
	frame := data.NewFrame("anomalies", data.NewField("time", nil, from), data.NewField("timeEnd", nil, to), data.NewField("isRegion", nil, regions),
		data.NewField("title", nil, titles), data.NewField("text", nil, texts), data.NewField("tags", nil, tags))
	frame.Meta = &data.FrameMeta{DataTopic: data.DataTopicAnnotations}
	return frame
}

// scores are what a rule of Grafana's may compare with 1.
func scores(sets []*set) data.Frames {
	frames := data.Frames{}
	for _, s := range sets {
		score, there := s.said["score"]
		if !there {
			continue
		}
		labels := maps.Clone(s.values.Labels)
		labels["detector"] = s.detector
		frame := data.NewFrame("", data.NewField(timeName, nil, score.Times), data.NewField("score", labels, score.Values))
		frame.Meta = meta(data.FrameTypeTimeSeriesMulti, "matrix")
		frames = append(frames, frame)
	}
	if len(frames) == 0 {
		frame := data.NewFrame("")
		frame.Meta = meta(data.FrameTypeTimeSeriesMulti, "matrix")
		frames = append(frames, frame)
	}
	return frames
}
