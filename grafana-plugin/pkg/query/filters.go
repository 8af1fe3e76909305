package query

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// filters are those of a query by the names that Belfry's API has for them.
type filters map[string]Filter

// values are the parameters for what is wanted.
func (f filters) values() url.Values {
	v := url.Values{}
	for name, filter := range f {
		if wanted := filter.Wanted(); len(wanted) > 0 {
			v[name] = wanted
		}
	}
	return v
}

// all are the parameters for what is wanted and what is excluded, for routes
// that know both.
func (f filters) all() url.Values {
	v := url.Values{}
	for name, filter := range f {
		if len(filter) > 0 {
			v[name] = filter
		}
	}
	return v
}

// left reports whether something that has these values is not excluded.
func (f filters) left(value func(name string) string) bool {
	for name, filter := range f {
		for _, word := range filter {
			if excludes(word) && value(name) == word[1:] {
				return false
			}
		}
	}
	return true
}

// excluding reports whether any filter has a ! in it: then Belfry, which knows
// no such thing, cannot do all of the filtering.
func (f filters) excluding() bool {
	for _, filter := range f {
		if slices.ContainsFunc(filter, excludes) {
			return true
		}
	}
	return false
}

// between are the parameters for a stretch of time.
func between(v url.Values, from, to time.Time) {
	v.Set("from", millis(from))
	v.Set("to", millis(to))
}

// millis is a time as Belfry's API takes it.
func millis(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// counted are the parameters for counting hazards: where words are excluded, all
// others that there are. none: nothing is left.
func (a *asked) counted(ctx context.Context, f filters, q string) (v url.Values, none bool, err error) {
	v = f.values()
	if q != "" {
		v.Set("q", q)
	}
	if !f.excluding() {
		return v, false, nil
	}
	for name, filter := range f {
		excluded := filter.Excluded()
		if len(excluded) == 0 {
			continue
		}
		ask := clone(v)
		ask.Set("by", name)
		between(ask, time.UnixMilli(0), a.to)
		stats, err := a.Client.Stats(ctx, ask, filterWords)
		if err != nil {
			return nil, false, err
		}
		var rest []string
		for _, g := range stats.Groups {
			if word := g.Values[name]; word != "" && !slices.Contains(excluded, word) {
				rest = append(rest, word)
			}
		}
		if len(rest) == 0 {
			return nil, true, nil
		}
		v[name] = rest
	}
	return v, false, nil
}

func clone(v url.Values) url.Values {
	out := make(url.Values, len(v)+2)
	for k, values := range v {
		out[k] = values
	}
	return out
}

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
