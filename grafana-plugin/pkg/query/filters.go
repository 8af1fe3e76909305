package query

import (
	"net/url"
	"strconv"
	"time"
)

// filters are those of a query by the names that Belfry's API has for them.
type filters map[string]Filter

// values are their parameters: what is wanted, and with a ! what is not.
func (f filters) values() url.Values {
	v := url.Values{}
	for name, filter := range f {
		if len(filter) > 0 {
			v[name] = filter
		}
	}
	return v
}

// between are the parameters for a stretch of time.
func between(v url.Values, from, to time.Time) {
	v.Set("from", millis(from))
	v.Set("to", millis(to))
}

// millis is a time as Belfry's API takes it.
func millis(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// limited is a number of rows between 1 and most.
func limited(n, fallback, most int) int {
	if n <= 0 {
		return fallback
	}
	return min(n, most)
}

// steps is a step for counts over time, so that there are not more of them than
// points on the panel, nor than Belfry gives.
func (a *asked) steps() (from time.Time, step time.Duration) {
	const most = 1000
	points := int64(most)
	if a.points > 0 {
		points = min(a.points, most)
	}
	step = max(a.interval, a.to.Sub(a.from)/time.Duration(points), time.Second)
	step = roundUp(step)
	return time.UnixMilli(a.from.UnixMilli() / step.Milliseconds() * step.Milliseconds()).UTC(), step
}

func stepText(step time.Duration) string {
	return strconv.FormatFloat(step.Seconds(), 'f', -1, 64)
}
