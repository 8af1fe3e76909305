package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// The formats of metrics.
const (
	formatTimeSeries = "time_series"
	formatTable      = "table"
	formatHeatmap    = "heatmap"
)

// metrics evaluates PromQL over the range, at its end, or both.
func (a *asked) metrics(ctx context.Context) (frames data.Frames, err error) {
	if strings.TrimSpace(a.Expr) == "" {
		return nil, nil
	}
	w, err := newWindow(a.from, a.to, a.interval, a.Interval, a.Scrape)
	if err != nil {
		return nil, err
	}
	expr := interpolate(a.Expr, window{from: a.from, to: a.to, step: w.step, scrape: w.scrape})
	if !a.Range && !a.Instant {
		a.Range = true
	}
	if a.Live && a.Range && !a.alerting {
		a.Instant = false // rows are added to those of the range
	}
	if a.Instant {
		result, err := a.Client.Query(ctx, expr, a.to)
		if err != nil {
			return nil, err
		}
		frames = a.shape(result, expr, w)
		describe(frames, fmt.Sprintf("Expr: %s\nStep: %s", expr, w.step))
	}
	if a.Range {
		over, err := a.over(ctx, expr, w)
		if err != nil {
			return nil, err
		}
		frames = append(frames, over...)
	}
	if a.Exemplar && a.Range && !a.alerting {
		found, err := a.exemplars(ctx, expr, w)
		if err != nil {
			return nil, err
		}
		frames = append(frames, found...)
	}
	return frames, nil
}

func (a *asked) over(ctx context.Context, expr string, w window) (data.Frames, error) {
	result, err := a.Client.QueryRange(ctx, client.Range{Expr: expr, Start: w.from, End: w.to, Step: w.step})
	if err != nil {
		return nil, err
	}
	frames := a.shape(result, expr, w)
	if err := a.giveUnits(ctx, frames); err != nil {
		return nil, err
	}
	describe(frames, fmt.Sprintf("Expr: %s\nStep: %s", expr, w.step))
	return frames, nil
}

// shape is a result as frames of the format that is wanted.
func (a *asked) shape(result *client.Result, expr string, w window) (frames data.Frames) {
	switch {
	case result.Type == "string":
		frames = data.Frames{textFrame(result)}
	case !a.alerting && (a.Format == formatTable || a.Explore && result.Type == "vector" && a.Format != formatHeatmap):
		frames = data.Frames{a.table(result)}
	case a.Format == formatHeatmap && !a.alerting:
		frames = heatmaps(result, expr, w)
	case a.Live && !a.alerting:
		frames = data.Frames{a.together(result, expr, w)}
	default:
		frames = a.many(result, expr, w)
	}
	if a.Explore && result.Type == "matrix" {
		for _, f := range frames {
			f.Meta.PreferredVisualization = data.VisTypeGraph
		}
	}
	if a.Distinct && (a.Live || result.Type == "matrix") {
		colour(frames)
	}
	a.notices(frames, result)
	return frames
}

// describe says in the query inspector what was asked.
func describe(frames data.Frames, executed string) {
	if len(frames) == 0 {
		return
	}
	if frames[0].Meta == nil {
		frames[0].Meta = &data.FrameMeta{}
	}
	frames[0].Meta.ExecutedQueryString = executed
}

// notices puts on the first frame what was left out, and what Belfry warns of.
func (a *asked) notices(frames data.Frames, result *client.Result) {
	if len(frames) == 0 {
		return
	}
	if result.Cut {
		a.leaveOut(frames[0], a.unread(result))
	} else if left := result.Total - len(result.Series); left > 0 {
		a.leaveOut(frames[0], a.say(wording.Text{
			EN: "Shown are %d of %d series. Ask for fewer: narrow the selector, aggregate (sum by), or take the largest (topk).",
			ZH: "只显示了 %d / %d 条序列。请缩小选择器、做聚合（sum by）或只取最大的（topk）。",
		}, len(result.Series), result.Total))
	}
	for _, text := range result.Warnings {
		frames[0].AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: text})
	}
	for _, text := range result.Infos {
		frames[0].AppendNotices(data.Notice{Severity: data.NoticeSeverityInfo, Text: text})
	}
}

// unread says that an answer was not read to its end.
func (a *asked) unread(result *client.Result) string {
	return a.say(wording.Text{
		EN: "Shown are the first %d series: Belfry's answer is larger than can be read. Ask for less time, narrow the selector, or aggregate (sum by, topk).",
		ZH: "只显示了前 %d 条序列：Belfry 的应答过大，未能读完。请缩短时间、缩小选择器或做聚合（sum by、topk）。",
	}, len(result.Series))
}

// exemplars is a frame of those of the series, which Grafana draws as points.
func (a *asked) exemplars(ctx context.Context, expr string, w window) (data.Frames, error) {
	found, err := a.Client.Exemplars(ctx, expr, a.from, a.to)
	var known *client.Error
	if errors.As(err, &known) && known.Kind == client.BadRequest {
		return nil, nil // an expression that reads no series has none
	}
	if err != nil || len(found) == 0 {
		return nil, err
	}
	slices.SortStableFunc(found, func(x, y client.Exemplar) int { return x.Time.Compare(y.Time) })
	const most = 1000
	total := len(found)
	if total > most {
		found = spread(found, most)
	}
	frame := exemplarFrame(found)
	if total > most {
		frame.AppendNotices(data.Notice{Severity: data.NoticeSeverityInfo, Text: a.say(wording.Text{
			EN: "Shown are %d of %d exemplars. Ask for less time to see the others.",
			ZH: "只显示了 %d / %d 个样例（exemplar）。缩短时间范围可看到其余。",
		}, most, total)})
	}
	return data.Frames{frame}, nil
}

// spread takes n of them, evenly.
func spread[T any](all []T, n int) []T {
	some := make([]T, n)
	for i := range some {
		some[i] = all[i*len(all)/n]
	}
	return some
}
