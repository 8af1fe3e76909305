package query

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// Model is one query as the editor writes it. Kind chooses which of the parts
// counts; nothing is metrics.
type Model struct {
	RefID string `json:"refId"`
	Kind  string `json:"kind"`
	Live  bool   `json:"live"`
	Lang  string `json:"lang"` // of notices and errors; nothing: that of the data source

	Expr         string `json:"expr"`
	Range        bool   `json:"range"`
	Instant      bool   `json:"instant"`
	Exemplar     bool   `json:"exemplar"`
	LegendFormat string `json:"legendFormat"`
	Interval     string `json:"interval"` // the shortest step
	Format       string `json:"format"`

	Hazards   HazardsPart   `json:"hazards"`
	Assets    AssetsPart    `json:"assets"`
	Events    EventsPart    `json:"events"`
	Anomalies AnomaliesPart `json:"anomalies"`
	Response  ResponsePart  `json:"response"`
}

// HazardsPart chooses hazards.
type HazardsPart struct {
	Show     string `json:"show"`
	By       string `json:"by"`
	Status   Filter `json:"status"`
	Severity Filter `json:"severity"`
	Domain   Filter `json:"domain"`
	Team     Filter `json:"team"`
	Street   Filter `json:"street"`
	District Filter `json:"district"`
	Rule     Filter `json:"rule"`
	Asset    Filter `json:"asset"`
	Q        string `json:"q"`
	Limit    int    `json:"limit"`
}

// AssetsPart chooses assets.
type AssetsPart struct {
	Show     string `json:"show"`
	Domain   Filter `json:"domain"`
	Team     Filter `json:"team"`
	Street   Filter `json:"street"`
	District Filter `json:"district"`
	State    Filter `json:"state"`
	Asset    Filter `json:"asset"`
	Q        string `json:"q"`
	Metrics  Filter `json:"metrics"`
	Limit    int    `json:"limit"`
}

// EventsPart chooses events.
type EventsPart struct {
	Show     string `json:"show"`
	Kind     Filter `json:"kind"`
	Domain   Filter `json:"domain"`
	Team     Filter `json:"team"`
	Severity Filter `json:"severity"`
	Asset    Filter `json:"asset"`
	Q        string `json:"q"`
	Limit    int    `json:"limit"`
}

// AnomaliesPart chooses what detectors watch.
type AnomaliesPart struct {
	Select   string `json:"select"`
	Detector string `json:"detector"`
	Limit    int    `json:"limit"`
}

// ResponsePart chooses what is asked of the past.
type ResponsePart struct {
	Show     string `json:"show"`
	By       string `json:"by"`
	Domain   Filter `json:"domain"`
	Team     Filter `json:"team"`
	Street   Filter `json:"street"`
	Severity Filter `json:"severity"`
}

// Filter is words of which one is wanted, and with a ! in front words that are
// not. What is empty or means all filters nothing.
type Filter []string

const filterWords = 1000

// UnmarshalJSON takes an array, one word, or null.
func (f *Filter) UnmarshalJSON(text []byte) error {
	var words []string
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte(`"`)) {
		words = make([]string, 1)
		if err := json.Unmarshal(text, &words[0]); err != nil {
			return err
		}
	} else if err := json.Unmarshal(text, &words); err != nil {
		return err
	}
	if len(words) > filterWords {
		return fmt.Errorf("want at most %d words of a filter; got %d", filterWords, len(words))
	}
	all := slices.Contains(words, "All") || slices.Contains(words, "$__all")
	*f = slices.DeleteFunc(words, func(w string) bool { return w == "" || w == "!" || all && !excludes(w) })
	return nil
}

func excludes(word string) bool { return len(word) > 1 && word[0] == '!' }

// Wanted are the words without those that are excluded.
func (f Filter) Wanted() (words []string) {
	for _, w := range f {
		if !excludes(w) {
			words = append(words, w)
		}
	}
	return words
}

// Excluded are the words that have a ! in front, without it.
func (f Filter) Excluded() (words []string) {
	for _, w := range f {
		if excludes(w) {
			words = append(words, w[1:])
		}
	}
	return words
}

// Parse reads the JSON of a query.
func Parse(text []byte) (Model, error) {
	m := Model{Kind: KindMetrics}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("read the query: %w", err)
	}
	if m.Kind == "" {
		m.Kind = KindMetrics
	}
	if !slices.Contains(Kinds(), m.Kind) {
		return m, fmt.Errorf("kind: want one of %s; got %q", strings.Join(Kinds(), ", "), m.Kind)
	}
	return m, nil
}

// The kinds of queries.
const (
	KindMetrics   = "metrics"
	KindHazards   = "hazards"
	KindAssets    = "assets"
	KindEvents    = "events"
	KindAnomalies = "anomalies"
	KindResponse  = "response"
)

// Kinds are all of them.
func Kinds() []string {
	return []string{KindMetrics, KindHazards, KindAssets, KindEvents, KindAnomalies, KindResponse}
}

// language is that of a query, or that of the data source.
func (m *Model) language(fallback wording.Lang) wording.Lang {
	if m.Lang == "" {
		return fallback
	}
	return wording.Of(m.Lang)
}
