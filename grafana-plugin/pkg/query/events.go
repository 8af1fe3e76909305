package query

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

const (
	defaultEvents = 500
	mostEvents    = 5_000
)

func (p *EventsPart) filters() filters {
	return filters{"kind": p.Kind, "domain": p.Domain, "team": p.Team, "severity": p.Severity, "asset": p.Asset}
}

// events are what began in the panel's time.
func (a *asked) events(ctx context.Context) (data.Frames, error) {
	p := &a.Events
	show, err := oneOf("events.show", p.Show, "logs", "counts", "volume", "annotations")
	if err != nil {
		return nil, err
	}
	v := p.filters().values()
	if p.Q != "" {
		v.Set("q", p.Q)
	}
	between(v, a.from, a.to)
	limit := limited(p.Limit, defaultEvents, mostEvents)
	if show == "counts" || show == "volume" || a.alerting {
		limit = mostRows
	}
	list, err := a.Client.Events(ctx, v, limit)
	if err != nil {
		return nil, err
	}
	var frame *data.Frame
	switch {
	case show == "counts" || a.alerting:
		return data.Frames{a.eventCounts(list.Items, list.More)}, nil
	case show == "volume":
		return volume(a.eventCounts(list.Items, list.More)), nil
	case show == "annotations":
		frame = a.eventMarks(list.Items)
	default:
		frame = a.eventLog(list.Items)
	}
	if list.More {
		a.more(frame, len(list.Items), a.Events.Limit)
	}
	return data.Frames{frame}, nil
}

// eventLog is a frame of the dataplane's kind LogLines, with the picture and
// where in it the thing is.
func (a *asked) eventLog(rows []client.Event) *data.Frame {
	type E = client.Event
	times := make([]time.Time, len(rows))
	labels := make([]json.RawMessage, len(rows))
	for i, e := range rows {
		times[i] = e.Time
		labels[i] = eventLabels(&e)
	}
	snapshot := texts("snapshot", rows, func(e *E) string { return a.snapshot(e) })
	snapshot.Config = &data.FieldConfig{Links: []data.DataLink{{
		Title: a.say(wording.Text{EN: "Picture", ZH: "图片"}), URL: "${__value.raw}", TargetBlank: true,
	}}}
	frame := data.NewFrame("",
		data.NewField("timestamp", nil, times),
		texts("body", rows, a.eventText),
		texts("severity", rows, func(e *E) string { return e.Severity }),
		texts("id", rows, func(e *E) string { return e.ID }),
		data.NewField("labels", nil, labels),
		snapshot,
		texts("box", rows, boxText),
		numbers("confidence", rows, func(e *E) *float64 { return e.Confidence }),
		instants("end", rows, func(e *E) *time.Time { return e.End }),
		numbers("lat", rows, func(e *E) *float64 { return e.Lat }),
		numbers("lon", rows, func(e *E) *float64 { return e.Lon }),
	)
	frame.Meta = &data.FrameMeta{Type: data.FrameTypeLogLines, PreferredVisualization: data.VisTypeLogs, UniqueRowIDFields: []int{3}}
	return frame
}

// snapshot is where the picture is: by way of Grafana, for whose users Belfry
// has no token.
func (a *asked) snapshot(e *client.Event) string {
	if e.Snapshot == "" || a.Source == "" {
		return ""
	}
	return "/api/datasources/uid/" + url.PathEscape(a.Source) + "/resources/api/belfry/v1/events/" + url.PathEscape(e.ID) + "/snapshot"
}

func (a *asked) eventText(e *client.Event) string {
	parts := []string{a.choose(e.KindName, e.KindNameZH, e.Kind), a.choose(e.AssetName, e.AssetNameZH, e.Asset)}
	if e.Description != "" {
		parts = append(parts, e.Description)
	}
	return strings.Join(parts, " · ")
}

func eventLabels(e *client.Event) json.RawMessage {
	all := map[string]string{
		"asset": e.Asset, "kind": e.Kind, "domain": e.Domain, "team": e.Team, "street": e.Street, "district": e.District, "vendor": e.Vendor,
	}
	for name, value := range all {
		if value == "" {
			delete(all, name)
		}
	}
	text, _ := json.Marshal(all) // texts only
	return text
}

func boxText(e *client.Event) string {
	if e.Box == nil {
		return ""
	}
	text, err := json.Marshal(e.Box)
	if err != nil {
		return ""
	}
	return string(text)
}

// eventCounts is how many began in each step, by severity. Rows are the newest
// first; where there are more of them, steps begin after the oldest.
func (a *asked) eventCounts(rows []client.Event, more bool) *data.Frame {
	from, step := a.steps()
	if more {
		known := rows[len(rows)-1].Time
		from = from.Add((known.Sub(from)/step + 1) * step)
	}
	n := max(int(a.to.Sub(from)/step)+1, 0)
	times := make([]time.Time, n)
	for i := range times {
		times[i] = from.Add(time.Duration(i) * step)
	}
	bySeverityOf := map[string][]float64{}
	for _, e := range rows {
		at := int(e.Time.Sub(from) / step)
		if at < 0 || at >= n {
			continue
		}
		if bySeverityOf[e.Severity] == nil {
			bySeverityOf[e.Severity] = make([]float64, n)
		}
		bySeverityOf[e.Severity][at]++
	}
	fields := []*data.Field{configured(data.NewField(timeName, nil, times), data.FieldConfig{Interval: float64(step.Milliseconds())})}
	stats := &client.Stats{}
	for severity := range bySeverityOf {
		stats.Groups = append(stats.Groups, client.StatsGroup{Values: map[string]string{bySeverity: severity}})
	}
	for _, severity := range groupNames(stats, bySeverity, a.Events.Severity) {
		fields = append(fields, a.series(bySeverityOf[severity], bySeverity, severity, n))
	}
	frame := wide(data.FrameTypeTimeSeriesWide, fields...)
	if more {
		a.leaveOut(frame, a.say(wording.Text{
			EN: "Counted are the newest %d events, those since %s. Ask for less time, or filter.",
			ZH: "只统计了最新的 %d 个事件（%s 以来）。请缩短时间范围，或加筛选条件。",
		}, len(rows), from.Format(time.RFC3339)))
	}
	return frame
}

// volume has a frame for each level, as Grafana's bars above logs want them.
func volume(counts *data.Frame) data.Frames {
	var frames data.Frames
	for _, field := range counts.Fields[1:] {
		own := *field
		own.Name, own.Labels, own.Config = valueName, data.Labels{"level": cmp.Or(field.Labels[bySeverity], "unknown")}, nil
		frames = append(frames, wide(data.FrameTypeTimeSeriesMulti, counts.Fields[0], &own))
	}
	frames[0].Meta.Notices = counts.Meta.Notices
	return frames
}

func (a *asked) eventMarks(rows []client.Event) *data.Frame {
	type E = client.Event
	return tableFrame(
		instants("time", rows, func(e *E) *time.Time { return &e.Time }),
		instants("timeEnd", rows, func(e *E) *time.Time { return cmp.Or(e.End, &e.Time) }),
		texts("title", rows, func(e *E) string { return a.choose(e.KindName, e.KindNameZH, e.Kind) }),
		texts("text", rows, func(e *E) string { return plain(a.eventText(e)) }),
		texts("tags", rows, func(e *E) string { return strings.Trim(e.Severity+","+e.Domain, ",") }),
		texts("id", rows, func(e *E) string { return e.ID }),
	)
}

// plain is a text for where Grafana takes HTML: annotations.
func plain(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(text)
}
