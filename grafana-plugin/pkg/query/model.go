package query

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// Model is one query as the editor writes it. Kind chooses which of the parts
// counts; nothing is metrics.
type Model struct {
	RefID string `json:"refId,omitzero"`
	Kind  string `json:"kind,omitzero"`
	Live  bool   `json:"live,omitzero"`
	Lang  string `json:"lang,omitzero"` // of notices and errors; nothing: that of the data source

	Expr         string `json:"expr,omitzero"`
	Range        bool   `json:"range,omitzero"`
	Instant      bool   `json:"instant,omitzero"`
	Explore      bool   `json:"explore,omitzero"` // asked there: lines and a table
	Exemplar     bool   `json:"exemplar,omitzero"`
	LegendFormat string `json:"legendFormat,omitzero"`
	Interval     string `json:"interval,omitzero"` // the shortest step
	Format       string `json:"format,omitzero"`
	Distinct     bool   `json:"distinct,omitzero"` // colours that can be told apart
	Units        bool   `json:"units,omitzero"`    // of what Belfry knows of the metrics

	Hazards   HazardsPart   `json:"hazards,omitzero"`
	Assets    AssetsPart    `json:"assets,omitzero"`
	Events    EventsPart    `json:"events,omitzero"`
	Anomalies AnomaliesPart `json:"anomalies,omitzero"`
	Response  ResponsePart  `json:"response,omitzero"`
}

// HazardsPart chooses hazards.
type HazardsPart struct {
	Show     string `json:"show,omitzero"`
	By       string `json:"by,omitzero"`
	Status   Filter `json:"status,omitzero"`
	Severity Filter `json:"severity,omitzero"`
	Domain   Filter `json:"domain,omitzero"`
	Team     Filter `json:"team,omitzero"`
	Street   Filter `json:"street,omitzero"`
	District Filter `json:"district,omitzero"`
	Rule     Filter `json:"rule,omitzero"`
	Asset    Filter `json:"asset,omitzero"`
	Q        string `json:"q,omitzero"`
	Limit    int    `json:"limit,omitzero"`
}

// AssetsPart chooses assets.
type AssetsPart struct {
	Show     string `json:"show,omitzero"`
	Domain   Filter `json:"domain,omitzero"`
	Team     Filter `json:"team,omitzero"`
	Street   Filter `json:"street,omitzero"`
	District Filter `json:"district,omitzero"`
	State    Filter `json:"state,omitzero"`
	Asset    Filter `json:"asset,omitzero"`
	Q        string `json:"q,omitzero"`
	Metrics  Filter `json:"metrics,omitzero"`
	Limit    int    `json:"limit,omitzero"`
}

// EventsPart chooses events.
type EventsPart struct {
	Show     string `json:"show,omitzero"`
	Kind     Filter `json:"kind,omitzero"`
	Domain   Filter `json:"domain,omitzero"`
	Team     Filter `json:"team,omitzero"`
	Severity Filter `json:"severity,omitzero"`
	Asset    Filter `json:"asset,omitzero"`
	Q        string `json:"q,omitzero"`
	Limit    int    `json:"limit,omitzero"`
}

// AnomaliesPart chooses what detectors watch.
type AnomaliesPart struct {
	Select   string `json:"select,omitzero"`
	Detector string `json:"detector,omitzero"`
	Limit    int    `json:"limit,omitzero"`
}

// ResponsePart chooses what is asked of the past.
type ResponsePart struct {
	Show     string `json:"show,omitzero"`
	By       string `json:"by,omitzero"`
	Domain   Filter `json:"domain,omitzero"`
	Team     Filter `json:"team,omitzero"`
	Street   Filter `json:"street,omitzero"`
	Severity Filter `json:"severity,omitzero"`
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
		return &wording.Fault{Text: wording.Text{EN: "a filter: want at most %d words; got %d", ZH: "过滤条件：最多 %d 个词，实际为 %d 个"}, Args: []any{filterWords, len(words)}}
	}
	all := slices.Contains(words, "All") || slices.Contains(words, "$__all")
	*f = slices.DeleteFunc(words, func(w string) bool { return w == "" || all && !excludes(w) })
	return nil
}

// excludes reports whether a word is one that is not wanted. A ! alone excludes
// what has no value.
func excludes(word string) bool { return strings.HasPrefix(word, "!") }

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
		// The language may come after what is wrong.
		var asked struct {
			Lang string `json:"lang"`
		}
		_ = json.Unmarshal(text, &asked) // it was an error before
		m.Lang = asked.Lang
		return m, wording.WrongJSON(err, wording.Text{EN: "the query", ZH: "查询"})
	}
	if m.Kind == "" {
		m.Kind = KindMetrics
	}
	if !slices.Contains(Kinds(), m.Kind) {
		_, err := oneOf("kind", m.Kind, Kinds()...)
		return m, err
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

// Language is that of a query, or else that of the data source.
func (m *Model) Language(fallback wording.Lang) wording.Lang {
	if m.Lang == "" {
		return fallback
	}
	return wording.Of(m.Lang)
}
