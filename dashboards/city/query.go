package city

import (
	"fmt"

	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/grafana"
)

// info is what the catalog has of the assets that the variables choose.
const info = `asset_info{domain=~"$domain",district=~"$district",street=~"$street",asset=~"$asset"}`

// infoNow is that at the end of the time shown. What has nothing else in it is
// evaluated once, and not for each step.
const infoNow = info + " @ end()"

// shown is how many lines a panel has at most. More cannot be told apart.
const shown = 10

// named is the legend of series that withNames has given their names.
func named(more string) board.Text {
	more = " {{point}}{{fan}}" + more
	return board.Text{EN: "{{asset}} {{name}}" + more, ZH: "{{asset}} {{name_zh}}" + more}
}

// withNames keeps the series of chosen assets, and gives them their names.
func withNames(expr string) string {
	return fmt.Sprintf(`(%s) * on (asset) group_left (name, name_zh) %s`, expr, info)
}

// highest are the series that were highest in the time shown, of the chosen assets.
func highest(metric string) string {
	return ranked(metric, "topk", "max_over_time(%s[$__range] @ end())")
}

// lowest are those that were lowest.
func lowest(metric string) string {
	return ranked(metric, "bottomk", "min_over_time(%s[$__range] @ end())")
}

// farthest are those that were farthest from zero, either way.
func farthest(metric string) string {
	return ranked(metric, "topk", "max_over_time(abs(%s)[$__range:$__interval] @ end())")
}

func ranked(metric, by, over string) string {
	series := metric + `{asset=~"$asset"}`
	rank := fmt.Sprintf(over, series)
	return withNames(fmt.Sprintf("%s and %s(%d, %s and on (asset) %s)", series, by, shown, rank, infoNow))
}

// lines asks for series over time.
func lines(expr string, legend board.Text) board.Query {
	return board.Query{Target: grafana.Target{Kind: grafana.KindMetrics, Expr: expr, Range: true}, Legend: legend}
}

// slowly asks for lines that change little, of very many series, no closer than step.
func slowly(step, expr string, legend board.Text) board.Query {
	q := lines(expr, legend)
	q.Interval = step
	return q
}

// newest asks for values at the end of the time shown.
func newest(expr string, legend board.Text) board.Query {
	return board.Query{Target: grafana.Target{Kind: grafana.KindMetrics, Expr: expr, Instant: true}, Legend: legend}
}

func hazards(h grafana.Hazards) board.Query {
	return board.Query{Target: grafana.Target{Kind: grafana.KindHazards, Hazards: &h, Live: h.Show != "counts"}}
}

func assets(a grafana.Assets) board.Query {
	return board.Query{Target: grafana.Target{Kind: grafana.KindAssets, Assets: &a, Live: true}}
}

func events(e grafana.Events) board.Query {
	return board.Query{Target: grafana.Target{Kind: grafana.KindEvents, Events: &e}}
}

func anomalies(a grafana.Anomalies) board.Query {
	return board.Query{Target: grafana.Target{Kind: grafana.KindAnomalies, Anomalies: &a}}
}

func response(r grafana.Response) board.Query {
	return board.Query{Target: grafana.Target{Kind: grafana.KindResponse, Response: &r}}
}

// chosen are hazards, or assets, that the variables choose.
func chosen(h grafana.Hazards) grafana.Hazards {
	h.Domain, h.District, h.Street, h.Asset = []string{"$domain"}, []string{"$district"}, []string{"$street"}, []string{"$asset"}
	return h
}

func chosenAssets(a grafana.Assets) grafana.Assets {
	a.Domain, a.District, a.Street, a.Asset = []string{"$domain"}, []string{"$district"}, []string{"$street"}, []string{"$asset"}
	return a
}
