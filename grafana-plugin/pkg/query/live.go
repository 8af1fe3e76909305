package query

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// canLive reports whether what changes of the answer can be sent as one frame
// like it.
func (m *Model) canLive() bool {
	switch m.Kind {
	case KindHazards:
		return m.Hazards.Show == "" || m.Hazards.Show == "table" || m.Hazards.Show == "open"
	case KindAssets:
		return true
	case KindMetrics:
		return m.Format != formatTable && m.Format != formatHeatmap
	default:
		return false
	}
}

// Now answers a query that a channel is of again, for the time that has come:
// one frame. Of metrics it has one row, the newest.
func (r *Runner) Now(ctx context.Context, m Model, span time.Duration) (*data.Frame, error) {
	m.Range, m.Instant = false, true
	return r.again(ctx, m, span, time.Second)
}

// steps are about as many as a panel has pixels.
const steps = 1000

// Before is what rows of metrics are added to: the answer of the panel, as it
// would be now. It is nil where the panel shows only the newest values.
func (r *Runner) Before(ctx context.Context, m Model, span time.Duration) (*data.Frame, error) {
	if m.Kind != KindMetrics || m.Instant && !m.Range {
		return nil, nil
	}
	m.Range, m.Instant = true, false
	return r.again(ctx, m, span, max(span/steps, time.Second))
}

func (r *Runner) again(ctx context.Context, m Model, span, interval time.Duration) (*data.Frame, error) {
	m.Live, m.Exemplar = true, false
	now := time.Now()
	a := &asked{Runner: r, Model: m, from: now.Add(-span).UTC(), to: now.UTC(), now: now, interval: interval, lang: m.Language(r.Lang)}
	frames, err := a.frames(ctx)
	if err != nil {
		return nil, err
	}
	if len(frames) == 0 {
		return data.NewFrame(""), nil
	}
	responses := backend.Responses{m.RefID: {Frames: frames[:1]}}
	fit(responses, answerBytes, []*asked{a})
	frame := responses[m.RefID].Frames[0]
	frame.RefID = m.RefID
	return frame, nil
}

// ErrNoSelectors is why a panel of metrics cannot be live.
var ErrNoSelectors error = &wording.Fault{Text: wording.Text{
	EN: "the expression reads no series by name, so that nothing tells when it changes",
	ZH: "表达式没有按名称读取任何序列，无从得知何时变化",
}}

// follow gives a frame the channel on which the same comes again when it changes,
// or says why it does not.
func (a *asked) follow(ctx context.Context, frame *data.Frame) {
	if _, err := a.Watched(ctx, a.Model); errors.Is(err, ErrNoSelectors) {
		frame.AppendNotices(data.Notice{Severity: data.NoticeSeverityInfo, Text: a.say(wording.Text{
			EN: "This does not change live: %s. Refresh the dashboard to see it as it is now.", ZH: "这里不会实时更新：%s。刷新仪表板可看到当前状态。",
		}, wording.Say(err, a.lang))})
		return
	}
	if frame.Meta == nil {
		frame.Meta = &data.FrameMeta{}
	}
	frame.Meta.Channel = a.Channel(a.Model, a.to.Sub(a.from))
}

// Watch is what of Belfry's stream tells that a query's answer has changed.
type Watch struct {
	Hazards map[string][]string // parameters of the filters; nil: hazards change nothing
	Values  []string            // selectors of series
}

// Watched returns what to follow for a query.
func (r *Runner) Watched(ctx context.Context, m Model) (Watch, error) {
	switch m.Kind {
	case KindHazards:
		return Watch{Hazards: m.Hazards.filters().values()}, nil
	case KindAssets:
		f := m.Assets.filters()
		delete(f, "state")
		w := Watch{Hazards: f.values()}
		for _, metric := range m.Assets.Metrics.Wanted() {
			if metric != "*" {
				w.Values = append(w.Values, outputSelector(metric, nil, ""))
			}
		}
		return w, nil
	}
	expr := interpolate(m.Expr, window{step: r.Scrape, scrape: r.Scrape})
	selectors, err := r.Client.Selectors(ctx, expr)
	if err != nil {
		return Watch{}, err
	}
	w := Watch{}
	for _, matchers := range selectors {
		w.Values = append(w.Values, client.SelectorText(matchers))
	}
	if len(w.Values) == 0 {
		return w, ErrNoSelectors
	}
	return w, nil
}

// together is one frame of all series, which have a field each: what Grafana
// Live adds rows to. Fields have names of their own, by which Grafana finds their
// values again when there are others.
func (a *asked) together(result *client.Result, expr string, w window) *data.Frame {
	at := map[int64]int{}
	for _, s := range result.Series {
		for _, t := range s.Times {
			at[t.UnixMilli()] = 0
		}
	}
	times := make([]time.Time, 0, len(at))
	for i, ms := range slices.Sorted(maps.Keys(at)) {
		at[ms] = i
		times = append(times, time.UnixMilli(ms).UTC())
	}
	field := data.NewField(timeName, nil, times)
	if result.Type == "matrix" {
		field.Config = &data.FieldConfig{Interval: float64(w.step.Milliseconds())}
	}
	fields := []*data.Field{field}
	for _, s := range result.Series {
		column := make([]*float64, len(times))
		for i := range s.Values {
			column[at[s.Times[i].UnixMilli()]] = &s.Values[i]
		}
		name := cmp.Or(legend(a.LegendFormat, expr, s.Labels), shortName(s.Labels))
		fields = append(fields, configured(data.NewField(fieldName(s.Labels), s.Labels, column), data.FieldConfig{DisplayNameFromDS: name}))
	}
	slices.SortFunc(fields[1:], func(x, y *data.Field) int { return strings.Compare(x.Name, y.Name) })
	frame := data.NewFrame("", fields...)
	frame.Meta = meta(data.FrameTypeTimeSeriesWide, result.Type)
	return frame
}

// fieldName is what a series is called among others.
func fieldName(labels map[string]string) string {
	if len(labels) == 0 {
		return valueName
	}
	return seriesName(labels)
}
