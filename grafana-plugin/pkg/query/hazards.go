package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

const (
	defaultRows = 1_000
	mostRows    = 10_000
	mostGroups  = 1_000
)

const (
	bySeverity = "severity"
	byStatus   = "status"
)

// oneOf refuses a word that is none of these; nothing is the first of them.
func oneOf(key, word string, words ...string) (string, error) {
	if word == "" {
		return words[0], nil
	}
	if !slices.Contains(words, word) {
		return "", &wording.Fault{
			Text: wording.Text{EN: "%s: want one of %s; got %q", ZH: "%s：应为 %s 之一，实际为 %q"}, Args: []any{key, fmt.Sprintf("%q", words), word},
		}
	}
	return word, nil
}

func (h *HazardsPart) filters() filters {
	return filters{
		"severity": h.Severity, "domain": h.Domain, "team": h.Team, "street": h.Street,
		"district": h.District, "rule": h.Rule, "asset": h.Asset,
	}
}

func (a *asked) hazards(ctx context.Context) (data.Frames, error) {
	h := &a.Hazards
	show, err := oneOf("hazards.show", h.Show, "table", "counts", "open", "annotations")
	if err != nil {
		return nil, err
	}
	by, err := oneOf("hazards.by", h.By, bySeverity, "domain", "team", "street", "district", "rule", byStatus)
	if err != nil {
		return nil, err
	}
	switch {
	case show == "counts":
		return a.hazardCounts(ctx, by)
	case show == "open" || a.alerting:
		return a.hazardsOpen(ctx, by)
	}
	list, err := a.hazardList(ctx, h)
	if err != nil {
		return nil, err
	}
	frame := a.hazardTable(list.Items)
	if show == "annotations" {
		frame = a.hazardMarks(list.Items)
	}
	if list.More {
		a.more(frame, len(list.Items), h.Limit)
	}
	return data.Frames{frame}, nil
}

// hazardList lists what is open now, whenever it was opened, where only that is
// asked for; otherwise what was opened in the panel's time.
func (a *asked) hazardList(ctx context.Context, h *HazardsPart) (client.List[client.Hazard], error) {
	f := h.filters()
	f["status"] = h.Status
	v := f.values()
	if h.Q != "" {
		v.Set("q", h.Q)
	}
	if !slices.Equal(h.Status, Filter{"open"}) && !slices.Equal(h.Status, Filter{"!resolved"}) {
		between(v, a.from, a.to)
	}
	return a.Client.Hazards(ctx, v, limited(h.Limit, defaultRows, mostRows))
}

// more says on a frame that a list is cut: without a warning where the query says
// how many it wants.
func (a *asked) more(f *data.Frame, shown, limit int) {
	text := a.say(wording.Text{
		EN: "Shown are the first %d; there are more. Filter, or raise the limit of the query (at most %d).",
		ZH: "只显示了前 %d 条，还有更多。请加筛选条件，或调大查询的条数上限（最多 %d）。",
	}, shown, mostRows)
	if limit == shown {
		f.AppendNotices(data.Notice{Severity: data.NoticeSeverityInfo, Text: text})
		return
	}
	a.leaveOut(f, text)
}

func (a *asked) hazardTable(rows []client.Hazard) *data.Frame {
	type H = client.Hazard
	links := []data.DataLink{{Title: wording.Text{EN: "Open in Belfry", ZH: "在 Belfry 中打开"}.In(a.lang), URL: "${__data.fields.url}", TargetBlank: true}}
	frame := tableFrame(
		instants("opened", rows, func(h *H) *time.Time { return h.Opened }),
		texts("severity", rows, func(h *H) string { return h.Severity }),
		texts("status", rows, func(h *H) string { return h.Status }),
		texts("domain", rows, func(h *H) string { return h.Domain }),
		texts("name", rows, func(h *H) string { return cmp.Or(h.Name, h.NameZH, h.Asset) }),
		texts("name_zh", rows, func(h *H) string { return cmp.Or(h.NameZH, h.Name, h.Asset) }),
		texts("asset", rows, func(h *H) string { return h.Asset }),
		texts("street", rows, func(h *H) string { return h.Street }),
		texts("district", rows, func(h *H) string { return h.District }),
		texts("team", rows, func(h *H) string { return h.Team }),
		texts("summary", rows, func(h *H) string { return cmp.Or(h.Summary, h.SummaryZH) }),
		texts("summary_zh", rows, func(h *H) string { return cmp.Or(h.SummaryZH, h.Summary) }),
		numbers("value", rows, func(h *H) *float64 { return h.Value }),
		numbers("worst", rows, func(h *H) *float64 { return h.Worst }),
		numbers("limit", rows, func(h *H) *float64 { return h.Limit }),
		texts("unit", rows, func(h *H) string { return h.Unit }),
		inSeconds(numbers("duration", rows, func(h *H) *float64 { return a.lasted(h) })),
		counts("reopened", rows, func(h *H) int64 { return h.Reopened }),
		configured(texts("hazard", rows, func(h *H) string { return h.ID }), data.FieldConfig{Links: links}),
		texts("rule", rows, func(h *H) string { return h.Rule }),
		numbers("lat", rows, func(h *H) *float64 { return h.Lat }),
		numbers("lon", rows, func(h *H) *float64 { return h.Lon }),
		instants("resolved", rows, func(h *H) *time.Time { return h.Resolved }),
		texts("url", rows, func(h *H) string { return safeURL(h.URL) }),
	)
	frame.Meta.UniqueRowIDFields = []int{18}
	return frame
}

// lasted is how long, in seconds, up to now where it goes on.
func (a *asked) lasted(h *client.Hazard) *float64 {
	if h.Opened == nil {
		return nil
	}
	end := a.now
	if h.Resolved != nil {
		end = *h.Resolved
	}
	seconds := max(end.Sub(*h.Opened), 0).Seconds()
	return &seconds
}

// safeURL is an address that a browser may be sent to, or nothing.
func safeURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	return u.String()
}

// hazardMarks are annotations, from the opening to the end. Grafana draws none of
// them if one has no end: what is still open lasts as long as the panel's time.
func (a *asked) hazardMarks(rows []client.Hazard) *data.Frame {
	type H = client.Hazard
	tags := make([]string, len(rows))
	for i, h := range rows {
		tags[i] = h.Severity
		for _, tag := range []string{h.Domain, h.Asset, h.Street} {
			if tag != "" {
				tags[i] += "," + tag
			}
		}
	}
	return tableFrame(
		instants("time", rows, func(h *H) *time.Time { return h.Opened }),
		instants("timeEnd", rows, func(h *H) *time.Time { return a.markEnd(h) }),
		texts("title", rows, func(h *H) string { return a.choose(h.Name, h.NameZH, h.Asset) }),
		texts("text", rows, func(h *H) string { return plain(a.choose(h.Summary, h.SummaryZH, h.Rule)) }),
		data.NewField("tags", nil, tags),
		texts("id", rows, func(h *H) string { return h.ID }),
	)
}

func (a *asked) markEnd(h *client.Hazard) *time.Time {
	switch {
	case h.Resolved != nil:
		return h.Resolved
	case h.Opened != nil && h.Opened.After(a.to):
		return h.Opened
	default:
		return &a.to
	}
}

// choose is the text of the query's language, or else of the other.
func (a *asked) choose(en, zh, otherwise string) string {
	if a.lang == wording.Chinese {
		return cmp.Or(zh, en, otherwise)
	}
	return cmp.Or(en, zh, otherwise)
}

// countable are the parameters for counting hazards.
func (a *asked) countable() url.Values {
	v := a.Hazards.filters().values()
	if a.Hazards.Q != "" {
		v.Set("q", a.Hazards.Q)
	}
	return v
}

// hazardCounts are how many were open at each step; how many were resolved in
// each, where only resolved ones are asked for.
func (a *asked) hazardCounts(ctx context.Context, by string) (data.Frames, error) {
	v := a.countable()
	from, step := a.steps()
	between(v, from, a.to)
	if by != byStatus {
		v.Set("by", by)
	}
	stats, step, err := a.stepped(ctx, v, step)
	if err != nil {
		return nil, err
	}
	kind := func(c client.Counts) []float64 { return c.Open }
	if status := a.Hazards.Status.Wanted(); len(status) == 1 && status[0] == "resolved" {
		kind = func(c client.Counts) []float64 { return c.Resolved }
	}
	fields := []*data.Field{configured(data.NewField(timeName, nil, stats.Times), data.FieldConfig{Interval: float64(step.Milliseconds())})}
	if by == byStatus {
		var c client.Counts
		if len(stats.Groups) > 0 {
			c = stats.Groups[0].Counts
		}
		for _, s := range []struct {
			name   string
			counts []float64
		}{{"open", c.Open}, {"opened", c.Opened}, {"resolved", c.Resolved}} {
			fields = append(fields, a.series(s.counts, byStatus, s.name, len(stats.Times)))
		}
	} else {
		fields = append(fields, a.overTime(stats, by, a.Hazards.filters()[by], kind)...)
	}
	frame := wide(data.FrameTypeTimeSeriesWide, fields...)
	a.noticeGroups(frame, stats)
	return data.Frames{frame}, nil
}

// stepped counts by steps; by longer ones where there are too many groups for so
// many steps.
func (a *asked) stepped(ctx context.Context, v url.Values, step time.Duration) (*client.Stats, time.Duration, error) {
	const tries = 4
	for i := 1; ; i++ {
		v.Set("step", stepText(step))
		stats, err := a.Client.Stats(ctx, v, mostGroups)
		var refused *client.Error
		if i == tries || !errors.As(err, &refused) || refused.Kind != client.BadRequest || !strings.Contains(refused.Detail, "too many steps") {
			return stats, step, err
		}
		step = roundUp(3 * step)
	}
}

// overTime is a field for each group, also for those that were asked for by name
// and of which there are none.
func (a *asked) overTime(stats *client.Stats, by string, wanted Filter, of func(client.Counts) []float64) (fields []*data.Field) {
	byValue := map[string][]float64{}
	for _, g := range stats.Groups {
		byValue[g.Values[by]] = of(g.Counts)
	}
	for _, value := range groupNames(stats, by, wanted) {
		fields = append(fields, a.series(byValue[value], by, value, len(stats.Times)))
	}
	return fields
}

func (a *asked) series(values []float64, by, value string, n int) *data.Field {
	padded := make([]float64, n)
	copy(padded, values)
	field := data.NewField(valueName, data.Labels{by: value}, padded)
	return configured(field, data.FieldConfig{DisplayNameFromDS: a.groupName(value), Color: groupColour(by, value)})
}

// groupColour is that of a severity, which people know from everywhere else; nil:
// that of the panel.
func groupColour(by, value string) map[string]any {
	colour := map[string]string{"critical": "#D55E00", "warning": "#F0E442", "info": "#56B4E9"}[value]
	if by != bySeverity || colour == "" {
		return nil
	}
	return map[string]any{"mode": "fixed", "fixedColor": colour}
}

func (a *asked) groupName(value string) string {
	if value == "" {
		return a.say(wording.Text{EN: "(none)", ZH: "（无）"})
	}
	return value
}

// groupNames are the groups to show: severities always, worst first; what was
// asked for by name; and what there is.
func groupNames(stats *client.Stats, by string, wanted Filter) (names []string) {
	if by == bySeverity {
		names = []string{"critical", "warning", "info"}
	}
	if words := wanted.Wanted(); len(words) > 0 {
		names = words
	}
	for _, g := range stats.Groups {
		if value := g.Values[by]; !slices.Contains(names, value) {
			names = append(names, value)
		}
	}
	excluded := wanted.Excluded()
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(excluded, name) })
}

// hazardsOpen is how many are open at the end of the panel's time.
func (a *asked) hazardsOpen(ctx context.Context, by string) (data.Frames, error) {
	v := a.countable()
	between(v, a.to.Add(-time.Second), a.to)
	if by != byStatus {
		v.Set("by", by)
	}
	stats, err := a.Client.Stats(ctx, v, mostGroups)
	if err != nil {
		return nil, err
	}
	var names []string
	open := map[string]float64{}
	if by == byStatus {
		names = []string{"open"}
		for _, g := range stats.Groups {
			open["open"] += float64(g.Open)
		}
	} else {
		names = groupNames(stats, by, a.Hazards.filters()[by])
		for _, g := range stats.Groups {
			open[g.Values[by]] = float64(g.Open)
		}
	}
	var fields []*data.Field
	for _, name := range names {
		// Where it changes live, Grafana tells fields apart by their names only.
		shown := a.groupName(name)
		field := data.NewField(shown, data.Labels{by: name}, []float64{open[name]})
		fields = append(fields, configured(field, data.FieldConfig{DisplayNameFromDS: shown}))
	}
	frame := wide(data.FrameTypeNumericWide, fields...)
	a.noticeGroups(frame, stats)
	return data.Frames{frame}, nil
}

func (a *asked) noticeGroups(frame *data.Frame, stats *client.Stats) {
	if len(stats.Groups) < stats.Total {
		a.leaveOut(frame, a.say(wording.Text{
			EN: "Shown are %d of %d groups. Filter, or group by something with fewer values.",
			ZH: "只显示了 %d / %d 组。请加筛选条件，或按取值较少的项分组。",
		}, len(stats.Groups), stats.Total))
	}
}
