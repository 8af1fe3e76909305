package query

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/gtime"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// maxPoints is how many points of one series Belfry gives at most.
const maxPoints = 11_000

const leastStep = time.Millisecond

// window is the stretch of time of a query, at a step.
type window struct {
	from, to time.Time
	step     time.Duration
	scrape   time.Duration // how often there are samples, as far as is known
}

// newWindow computes the step: the panel's interval, but not below the query's
// own least, nor so short that there are more than 11,000 points.
func newWindow(from, to time.Time, interval time.Duration, least string, scrape time.Duration) (window, error) {
	w := window{from: from, to: to, step: max(interval, leastStep), scrape: scrape}
	if to.Before(from) {
		return w, &wording.Fault{Text: wording.Text{EN: "the time range ends before it begins", ZH: "时间范围的结束早于开始"}}
	}
	if least = strings.TrimPrefix(strings.TrimSpace(least), ">"); least != "" {
		d, err := parseInterval(least, w)
		if err != nil {
			return w, err
		}
		w.step, w.scrape = max(w.step, d), d
	} else {
		w.step = max(w.step, scrape)
	}
	if safe := to.Sub(from) / (maxPoints - 1); w.step < safe {
		w.step = roundUp(safe)
	}
	// Steps at the same instants whenever the panel is refreshed: points do not
	// jump.
	w.from = time.UnixMilli(w.from.UnixMilli() / w.step.Milliseconds() * w.step.Milliseconds()).UTC()
	w.to = time.UnixMilli(w.to.UnixMilli() / w.step.Milliseconds() * w.step.Milliseconds()).UTC()
	return w, nil
}

// roundUp is a rounder duration that is not shorter.
func roundUp(d time.Duration) time.Duration {
	if rounded := gtime.RoundInterval(d * 2); rounded >= d {
		return rounded
	}
	return d.Truncate(time.Second) + time.Second
}

func parseInterval(text string, w window) (time.Duration, error) {
	d, err := gtime.ParseIntervalStringToTimeDuration(interpolate(text, w))
	if err != nil || d <= 0 {
		return 0, &wording.Fault{Text: wording.Text{EN: "min step: want a duration such as 15s or 1m; got %q", ZH: "最小步长：应为 15s 或 1m 这样的时长，实际为 %q"}, Args: []any{text}}
	}
	return d, nil
}

func macro() *regexp.Regexp {
	return regexp.MustCompile(`\$\{__(interval|interval_ms|rate_interval|rate_interval_ms|range|range_s|range_ms)(?::[a-z]+)?\}|\$__(interval_ms|rate_interval_ms|rate_interval|interval|range_ms|range_s|range)\b`)
}

// interpolate replaces what Grafana's own Prometheus source replaces, in both
// spellings, $__range and ${__range}.
func interpolate(expr string, w window) string {
	if !strings.Contains(expr, "__") {
		return expr
	}
	span := w.to.Sub(w.from)
	// Enough for rate() to have two samples in each window, also when one is late.
	rate := max(w.step+w.scrape, 4*w.scrape)
	values := map[string]string{
		"interval":         duration(w.step),
		"interval_ms":      strconv.FormatInt(w.step.Milliseconds(), 10),
		"rate_interval":    duration(rate),
		"rate_interval_ms": strconv.FormatInt(rate.Milliseconds(), 10),
		"range":            strconv.FormatInt(int64(span.Round(time.Second)/time.Second), 10) + "s",
		"range_s":          strconv.FormatInt(int64(span.Round(time.Second)/time.Second), 10),
		"range_ms":         strconv.FormatInt(span.Milliseconds(), 10),
	}
	re := macro()
	return re.ReplaceAllStringFunc(expr, func(found string) string {
		groups := re.FindStringSubmatch(found)
		return values[groups[1]+groups[2]]
	})
}

// duration is as PromQL writes it.
func duration(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}
