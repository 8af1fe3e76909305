package watch

import "github.com/belfry-city/belfry/alerting/anomaly/detector"

// shownDetector is a detector that runs, as it was at the last reload.
type shownDetector struct {
	*detector.Detector
	*counts
}

// Shown is a detector as operators see it.
type Shown struct {
	Name      string   `json:"name"`
	File      string   `json:"file"`
	Line      int      `json:"line"`
	Model     string   `json:"model"`
	Select    []string `json:"select"`
	By        []string `json:"by,omitempty"`
	Outputs   []string `json:"outputs"`
	Limit     int      `json:"limit"`
	Series    int64    `json:"series"`
	Refused   int64    `json:"refused"`
	Scored    uint64   `json:"scored"`
	Anomalous uint64   `json:"anomalous"`
}

// Show lists the detectors that run. Series are the series, or groups, that are
// watched, Refused those beyond the limit; Scored and Anomalous are samples since
// the start, the latter with a score over 1.
func (w *Watcher) Show() []Shown {
	all := []Shown{}
	for _, d := range *w.shown.Load() {
		s := Shown{
			Name: d.Name, File: d.File, Line: d.Line, Model: d.Kind.Name, Select: d.Select.Texts(), By: d.By, Limit: d.Limit,
			Series: d.series.Load(), Refused: d.refused.Load(), Scored: d.scored.Get(), Anomalous: d.anomalous.Get(),
		}
		for _, o := range d.Outputs {
			s.Outputs = append(s.Outputs, string(o))
		}
		all = append(all, s)
	}
	return all
}
