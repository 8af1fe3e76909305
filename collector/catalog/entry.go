package catalog

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// entry is an asset while it is read.
type entry struct {
	Asset
	line int
}

func newEntry() entry {
	return entry{Asset: Asset{Lat: math.NaN(), Lon: math.NaN()}}
}

// setter reads a single value into an asset.
type setter = func(strict.Source, *entry)

// setters are the keys of an asset in YAML, and the columns in CSV, that hold
// a single value.
func setters() map[string]setter {
	text := func(into func(*entry) *string, read strict.Scalar[string]) setter {
		return func(s strict.Source, e *entry) { strict.Set(s, into(e), read) }
	}
	lat := strict.Number("degrees from -90 to 90", -90, 90)
	lon := strict.Number("degrees from -180 to 180", -180, 180)
	return map[string]setter{
		"id":                text(func(e *entry) *string { return &e.ID }, assetID),
		"domain":            text(func(e *entry) *string { return &e.Domain }, strict.OneOf(Domains()...)),
		"kind":              text(func(e *entry) *string { return &e.Kind }, strict.Free),
		"name":              text(func(e *entry) *string { return &e.Name }, strict.Free),
		"name_zh":           text(func(e *entry) *string { return &e.NameZH }, strict.Free),
		"district":          text(func(e *entry) *string { return &e.District }, strict.Free),
		"street":            text(func(e *entry) *string { return &e.Street }, strict.Free),
		"community":         text(func(e *entry) *string { return &e.Community }, strict.Free),
		"team":              text(func(e *entry) *string { return &e.Team }, strict.OneOf(Teams()...)),
		"lat":               func(s strict.Source, e *entry) { strict.Set(s, &e.Lat, lat) },
		"lon":               func(s strict.Source, e *entry) { strict.Set(s, &e.Lon, lon) },
		"expected_interval": func(s strict.Source, e *entry) { strict.Set(s, &e.ExpectedInterval, interval) },
	}
}

const (
	wantID     = "the id by which its series call it (label asset)"
	wantMetric = "the name of a metric, such as gas_ch4_lel_percent"
)

func assetID(text string) (string, string) {
	if strings.ContainsFunc(text, isControl) {
		return "", wantID + ", on one line and without tabs and other control characters"
	}
	return strict.Text(wantID)(text)
}

// isControl also holds for what ends a line beyond ASCII.
func isControl(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }

// metricName accepts what a measurement and its field may be joined to, which
// may be letters of any script, but nothing by which a list of names, a label
// or an expression gets into its place.
func metricName(text string) (string, string) {
	unfit := func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("{}()[]<>=,;\"'`", r)
	}
	switch {
	case model.LegacyValidation.IsValidMetricName(text):
		return text, ""
	case text == "", !utf8.ValidString(text):
		return "", wantMetric
	case strings.ContainsFunc(text, unfit):
		return "", wantMetric + ", of letters, digits, _ and :, without spaces, brackets and the like"
	default:
		return text, ""
	}
}

func (e *entry) setExternal(kind, id string) {
	if e.External == nil {
		e.External = make(map[string]string, 1)
	}
	e.External[kind] = id
}

// interval is a Prometheus duration, or a number of seconds.
func interval(text string) (time.Duration, string) {
	d, err := model.ParseDuration(text)
	if err == nil && d > 0 {
		return time.Duration(d), ""
	}
	const longest = float64(math.MaxInt64 / int64(time.Second))
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 && seconds < longest {
		return time.Duration(seconds * float64(time.Second)), ""
	}
	return 0, "a duration such as 5m, or a number of seconds, more than 0"
}

func setThreshold(s strict.Source, t *Threshold) {
	strict.Set(s, &t.Value, strict.Number("a number", -math.MaxFloat64, math.MaxFloat64))
}

// addThreshold refuses a threshold that contradicts another one of the asset.
func (e *entry) addThreshold(t Threshold, refuse func(format string, args ...any)) {
	for _, other := range e.Thresholds {
		if other.Metric != t.Metric || other.Direction != t.Direction {
			continue
		}
		if other.Level == t.Level {
			refuse("want one threshold for %s %s %s; got a second one", t.Metric, t.Direction, t.Level)
			return
		}
		warning, critical := other.Value, t.Value
		if t.Level == Warning {
			warning, critical = critical, warning
		}
		if (t.Direction == Above && warning > critical) || (t.Direction == Below && warning < critical) {
			refuse("want warning to be reached before critical; got %s %s %v for warning and %v for critical",
				t.Metric, t.Direction, warning, critical)
			return
		}
	}
	e.Thresholds = append(e.Thresholds, t)
}

// finish checks what only the whole entry can tell.
func (e *entry) finish(refuse func(format string, args ...any)) {
	if e.ID == "" {
		refuse("want an id; got none")
	}
	if math.IsNaN(e.Lat) != math.IsNaN(e.Lon) {
		refuse("want both lat and lon, or neither; got one of them")
	}
}
