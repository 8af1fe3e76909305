package compare

import "github.com/belfry-city/belfry/loadtest/bench/machine"

// Result is everything that was measured.
type Result struct {
	machine.Run

	Servers     []string `json:"servers"`
	Series      int      `json:"series"`
	Connections int      `json:"connections"`
	Lines       int      `json:"lines_per_request"`
	Rate        float64  `json:"rate_while_asking"`

	// By server: one element a repeat.
	Ingest  map[string][]Ingest `json:"ingest"`
	Median  map[string]Ingest   `json:"ingest_median"`
	Targets []Target            `json:"targets"`

	Questions []Question             `json:"questions"`
	Reads     map[string][]Read      `json:"reads"`        // by server, in the order of Questions
	Meanwhile map[string][]Meanwhile `json:"while_asking"` // by server: one element a repeat
}

// Question is what was asked, and whether the answers were the same.
type Question struct {
	Name   string `json:"name"`
	Expr   string `json:"expr"`
	Series int    `json:"series"`
	// Difference is empty when the answers were the same.
	Difference string `json:"difference"`
}

// Target is a ratio between the first server and the second that is to be
// reached.
type Target struct {
	Name    string  `json:"name"`
	Ratio   float64 `json:"ratio"`
	AtLeast float64 `json:"at_least,omitempty"`
	AtMost  float64 `json:"at_most,omitempty"`
	Reached bool    `json:"reached"`
}

func newResult(opt Options, series int) *Result {
	r := &Result{
		Run: machine.NewRun(), Series: series, Connections: opt.Connections, Lines: opt.Lines, Rate: opt.Rate,
		Ingest: map[string][]Ingest{}, Median: map[string]Ingest{},
		Reads: map[string][]Read{}, Meanwhile: map[string][]Meanwhile{},
	}
	for _, p := range opt.Products {
		r.Servers = append(r.Servers, p.Name())
	}
	return r
}

// Conclude computes medians and ratios.
func (r *Result) Conclude() {
	for name, runs := range r.Ingest {
		r.Median[name] = median(runs)
	}
	if len(r.Servers) < 2 {
		return
	}
	a, b := r.Median[r.Servers[0]], r.Median[r.Servers[1]]
	r.Targets = []Target{
		{Name: "samples/s", Ratio: ratio(a.PerSecond, b.PerSecond), AtLeast: 2},
		{Name: "server CPU per sample", Ratio: ratio(a.CPU, b.CPU), AtMost: 0.5},
		{Name: "peak RSS", Ratio: ratio(a.PeakRSS, b.PeakRSS), AtMost: 0.75},
	}
	for i := range r.Targets {
		t := &r.Targets[i]
		t.Reached = t.Ratio > 0 && (t.AtLeast == 0 || t.Ratio >= t.AtLeast) && (t.AtMost == 0 || t.Ratio <= t.AtMost)
	}
}

// ratio is 0 when there is too little to compare, such as a run too short for
// the clock of CPU times.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Same reports whether all answers that were compared were the same.
func (r *Result) Same() bool {
	for _, q := range r.Questions {
		if q.Difference != "" {
			return false
		}
	}
	return true
}
