package query

import (
	"context"
	"fmt"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

func (p *ResponsePart) filters() filters {
	return filters{"domain": p.Domain, "team": p.Team, "street": p.Street, "severity": p.Severity}
}

// response is how fast hazards were dealt with, by group.
func (a *asked) response(ctx context.Context) (data.Frames, error) {
	p := &a.Response
	show, err := oneOf("response.show", p.Show, "summary", "time_to_resolve", "open_by_age", "repeats", "opened")
	if err != nil {
		return nil, err
	}
	by, err := oneOf("response.by", p.By, "team", "street", "district", "domain", bySeverity)
	if err != nil {
		return nil, err
	}
	v := p.filters().values()
	v.Set("by", by)
	from, step := a.steps()
	var stats *client.Stats
	if show == "opened" {
		between(v, from, a.to)
		stats, step, err = a.stepped(ctx, v, step)
	} else {
		between(v, a.from, a.to)
		stats, err = a.Client.Stats(ctx, v, mostGroups)
	}
	if err != nil {
		return nil, err
	}
	var frame *data.Frame
	if show == "opened" {
		times := configured(data.NewField(timeName, nil, stats.Times), data.FieldConfig{Interval: float64(step.Milliseconds())})
		fields := a.overTime(stats, by, p.filters()[by], func(c client.Counts) []float64 { return c.Opened })
		frame = wide(data.FrameTypeTimeSeriesWide, append([]*data.Field{times}, fields...)...)
	} else {
		if a.alerting && show == "open_by_age" {
			show = "summary" // of which open counts
		}
		frame = tableFrame(a.responseColumns(show, by, stats.Groups)...)
		if a.alerting {
			value := map[string]string{"summary": "open", "time_to_resolve": "p90", "repeats": "repeats"}[show]
			frame = numeric(frame, value, by)
		}
	}
	a.noticeGroups(frame, stats)
	return data.Frames{frame}, nil
}

func (a *asked) responseColumns(show, by string, rows []client.StatsGroup) []*data.Field {
	type G = client.StatsGroup
	group := texts(by, rows, func(g *G) string { return a.groupName(g.Values[by]) })
	opened := counts("opened", rows, func(g *G) int64 { return g.Opened })
	repeats := counts("repeats", rows, func(g *G) int64 { return g.Repeats })
	resolve := func(name string, of func(*client.Durations) float64) *data.Field {
		return took(name, rows, func(g *G) *client.Durations { return g.ToResolve }, of)
	}
	p50 := func(d *client.Durations) float64 { return d.P50 }
	p90 := func(d *client.Durations) float64 { return d.P90 }
	mean := func(d *client.Durations) float64 { return d.Mean }
	longest := func(d *client.Durations) float64 { return d.Max }
	switch show {
	case "time_to_resolve":
		return []*data.Field{group, resolve("p50", p50), resolve("p90", p90), resolve("mean", mean), resolve("max", longest),
			counts("resolved", rows, func(g *G) int64 { return g.Resolved })}
	case "open_by_age":
		return append([]*data.Field{group}, a.ages(rows)...)
	case "repeats":
		share := numbers("share", rows, func(g *G) *float64 {
			if g.Opened == 0 {
				return nil
			}
			s := float64(g.Repeats) / float64(g.Opened)
			return &s
		})
		return []*data.Field{group, repeats, opened, configured(share, data.FieldConfig{Unit: "percentunit"})}
	}
	page := func(name string, of func(*client.Durations) float64) *data.Field {
		return took(name, rows, func(g *G) *client.Durations { return g.ToPage }, of)
	}
	return []*data.Field{group, opened,
		counts("resolved", rows, func(g *G) int64 { return g.Resolved }),
		counts("open", rows, func(g *G) int64 { return g.Open }),
		counts("reopened", rows, func(g *G) int64 { return g.Reopened }),
		repeats,
		resolve("resolve_p50", p50), resolve("resolve_p90", p90), resolve("resolve_mean", mean), resolve("resolve_max", longest),
		page("page_p50", p50), page("page_p90", p90), page("page_max", longest),
	}
}

func took(name string, rows []client.StatsGroup, which func(*client.StatsGroup) *client.Durations, of func(*client.Durations) float64) *data.Field {
	return inSeconds(numbers(name, rows, func(g *client.StatsGroup) *float64 {
		d := which(g)
		if d == nil {
			return nil
		}
		v := of(d)
		return &v
	}))
}

// ages is a column for each class of age.
func (a *asked) ages(rows []client.StatsGroup) (fields []*data.Field) {
	if len(rows) == 0 {
		return nil
	}
	for i, class := range rows[0].OpenByAge {
		name, shown := "older", a.say(wording.Text{EN: "older", ZH: "更久"})
		if class.UpTo != nil {
			seconds := time.Duration(*class.UpTo * float64(time.Second))
			name, shown = fmt.Sprintf("up_to_%.0f", *class.UpTo), "≤ "+a.spell(seconds)
		}
		field := counts(name, rows, func(g *client.StatsGroup) int64 {
			if i >= len(g.OpenByAge) {
				return 0
			}
			return g.OpenByAge[i].Count
		})
		fields = append(fields, configured(field, data.FieldConfig{DisplayNameFromDS: shown}))
	}
	return fields
}

// spell is a duration in whole hours or days.
func (a *asked) spell(d time.Duration) string {
	if d%(24*time.Hour) == 0 && d > 24*time.Hour {
		return a.say(wording.Text{EN: "%d d", ZH: "%d 天"}, d/(24*time.Hour))
	}
	return a.say(wording.Text{EN: "%d h", ZH: "%d 小时"}, d/time.Hour)
}
