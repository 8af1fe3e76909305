package compare

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/loadtest/prom"
)

// question is what a wall asks.
type question struct {
	name string
	expr string
	// over is how far back a range goes; 0 asks for the instant.
	over, step time.Duration
	same       sameness
}

// sameness says what has to be equal in two servers' answers.
type sameness struct {
	// valuesOnly ignores which series have the values: of equal values, a
	// topk may show any.
	valuesOnly bool
	// within is the relative difference allowed. rate() is defined a little
	// differently by VictoriaMetrics: it does not extrapolate.
	within float64
}

const (
	historySensors = 100
	historyStep    = time.Minute
)

func questions(c *city.City) []question {
	const exact = 1e-9
	sensors := make([]string, 0, historySensors)
	for _, s := range historyStreams(c) {
		sensors = append(sensors, s.Asset.ID)
	}
	return []question{
		{name: "newest value of all bays", expr: `parking_bay_occupied`, same: sameness{within: exact}},
		{name: "fill by street", expr: `avg by (street) (parking_bay_occupied)`, same: sameness{within: exact}},
		{
			name: "24 h of 100 sensors",
			expr: fmt.Sprintf(`structure_strain_microstrain{asset=~"%s"}`, strings.Join(sensors, "|")),
			over: 24 * time.Hour, step: historyStep, same: sameness{within: exact},
		},
		{name: "top 20 of all gas wells", expr: `topk(20, gas_ch4_lel_percent)`, same: sameness{valuesOnly: true, within: exact}},
		{name: "rate over an hour", expr: `sum by (street) (rate(parking_bay_arrivals_total[1h]))`, same: sameness{within: 0.05}},
	}
}

// historyStreams are the sensors that have a day of history.
func historyStreams(c *city.City) (streams []*city.Stream) {
	for _, s := range c.Streams() {
		if len(streams) < historySensors && s.Metric(0) == "structure_strain_microstrain" {
			streams = append(streams, s)
		}
	}
	return streams
}

func (q *question) ask(ctx context.Context, client *prom.Client, at time.Time) (prom.Answer, error) {
	if q.over == 0 {
		return client.Query(ctx, q.expr, at)
	}
	return client.QueryRange(ctx, q.expr, at.Add(-q.over), at, q.step)
}
