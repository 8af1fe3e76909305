package query

import (
	"maps"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
)

// Names of fields, those of Grafana's own Prometheus source.
const (
	timeName  = "Time"
	valueName = "Value"
)

// custom is what such a frame says of its result.
type custom struct {
	ResultType string `json:"resultType"`
	MinStep    int64  `json:"calculatedMinStep,omitempty"` // milliseconds
}

func meta(kind data.FrameType, result string) *data.FrameMeta {
	return &data.FrameMeta{Type: kind, TypeVersion: data.FrameTypeVersion{0, 1}, Custom: custom{ResultType: result}}
}

// many is one frame a series. Where there is none, it is one frame without
// fields, so that it still has a type, and somewhere to say what was asked.
func (a *asked) many(result *client.Result, expr string, w window) data.Frames {
	kind := data.FrameTypeNumericMulti
	if result.Type == "matrix" {
		kind = data.FrameTypeTimeSeriesMulti
	}
	frames := make(data.Frames, 0, len(result.Series))
	for _, s := range result.Series {
		times := configured(data.NewField(timeName, nil, s.Times), data.FieldConfig{Interval: float64(w.step.Milliseconds())})
		values := data.NewField(valueField(s.Labels), s.Labels, s.Values)
		if len(s.Histograms) > 0 && len(s.Values) == 0 {
			frames = append(frames, cells(&s, result.Type))
			continue
		}
		if name := legend(a.LegendFormat, expr, s.Labels); name != "" {
			values.Config = &data.FieldConfig{DisplayNameFromDS: name}
		}
		frame := data.NewFrame("", times, values)
		frame.Meta = meta(kind, result.Type)
		frames = append(frames, frame)
	}
	if len(frames) == 0 {
		frame := data.NewFrame("")
		frame.Meta = meta(kind, result.Type)
		frames = data.Frames{frame}
	}
	if c, ok := frames[0].Meta.Custom.(custom); ok {
		c.MinStep = w.step.Milliseconds()
		frames[0].Meta.Custom = c
	}
	return frames
}

// valueField is the metric, as far as a series still has its name.
func valueField(labels map[string]string) string {
	if name := labels["__name__"]; name != "" {
		return name
	}
	return valueName
}

func textFrame(result *client.Result) *data.Frame {
	times := make([]time.Time, 0, 1)
	texts := make([]string, 0, 1)
	for _, s := range result.Series {
		times = append(times, s.Times...)
		texts = append(texts, result.Text)
	}
	frame := data.NewFrame(result.Text, data.NewField(timeName, nil, times), data.NewField(valueName, nil, texts))
	frame.Meta = meta(data.FrameTypeTable, result.Type)
	return frame
}

// table is one frame of all series, with a column for each label.
func (a *asked) table(result *client.Result) *data.Frame {
	name := valueName
	if a.tables {
		name += " #" + a.RefID
	}
	rows := 0
	seen := map[string]bool{}
	for _, s := range result.Series {
		rows += len(s.Values)
		for label := range s.Labels {
			seen[label] = true
		}
	}
	names := slices.Sorted(maps.Keys(seen))
	times := make([]time.Time, 0, rows)
	values := make([]float64, 0, rows)
	columns := make([][]string, len(names))
	for _, s := range result.Series {
		times = append(times, s.Times[:len(s.Values)]...)
		values = append(values, s.Values...)
		for i, label := range names {
			for range s.Values {
				columns[i] = append(columns[i], s.Labels[label])
			}
		}
	}
	fields := []*data.Field{data.NewField(timeName, nil, times)}
	for i, label := range names {
		field := data.NewField(label, nil, append([]string{}, columns[i]...))
		filterable := true
		field.Config = &data.FieldConfig{Filterable: &filterable}
		fields = append(fields, field)
	}
	frame := data.NewFrame("", append(fields, data.NewField(name, nil, values))...)
	frame.Meta = meta(data.FrameTypeTable, result.Type)
	frame.Meta.PreferredVisualization = data.VisTypeTable
	return frame
}

func exemplarFrame(found []client.Exemplar) *data.Frame {
	seen := map[string]bool{}
	for _, e := range found {
		for name := range e.Series {
			seen[name] = true
		}
		for name := range e.Labels {
			seen[name] = true
		}
	}
	names := slices.Sorted(maps.Keys(seen))
	times := make([]time.Time, len(found))
	values := make([]float64, len(found))
	columns := make([][]string, len(names))
	for i := range columns {
		columns[i] = make([]string, len(found))
	}
	for row, e := range found {
		times[row], values[row] = e.Time, e.Value
		for i, name := range names {
			text, own := e.Labels[name]
			if !own {
				text = e.Series[name]
			}
			columns[i][row] = text
		}
	}
	fields := []*data.Field{data.NewField(timeName, nil, times), data.NewField(valueName, nil, values)}
	for i, name := range names {
		fields = append(fields, data.NewField(name, nil, columns[i]))
	}
	frame := data.NewFrame("exemplar", fields...)
	frame.Meta = &data.FrameMeta{Custom: custom{ResultType: "exemplar"}, DataTopic: data.DataTopicAnnotations}
	return frame
}
