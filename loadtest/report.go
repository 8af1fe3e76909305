package loadtest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Report is the outcome of a run; its JSON form is part of the command line's
// interface.
type Report struct {
	Type        string    `json:"type"` // "loadtest"
	Target      string    `json:"target,omitempty"`
	Protocol    string    `json:"protocol,omitempty"`
	Seed        uint64    `json:"seed"`
	Scale       float64   `json:"scale"`
	Series      int       `json:"series"`
	Connections int       `json:"connections"`
	RateWanted  float64   `json:"rate_wanted"` // samples a second; 0 for as fast as it goes
	Begin       time.Time `json:"begin"`
	Seconds     float64   `json:"seconds"`
	// FirstReading and LastReading are the instants of the readings sent.
	FirstReading time.Time `json:"first_reading"`
	LastReading  time.Time `json:"last_reading"`

	Requests     int64 `json:"requests"`
	Bytes        int64 `json:"bytes"` // uncompressed
	Acknowledged int64 `json:"samples_acknowledged"`
	// Refused are the samples of requests that got a final refusal; the server
	// may have stored a part of them.
	Refused int64 `json:"samples_refused"`
	// Lost are the samples of requests that were never acknowledged.
	Lost int64 `json:"samples_lost"`
	// Unsent are samples that were due and that nobody was free to send.
	Unsent int64 `json:"samples_unsent"`

	PerSecond float64          `json:"samples_per_second"`
	Retries   map[string]int64 `json:"retries"` // by status, or "no answer"
	Errors    []Failure        `json:"errors"`
	// Latency counts from when a request was due, Service from when it was sent.
	Latency   Latency   `json:"latency_ms"`
	Service   Latency   `json:"service_ms"`
	Generator Generator `json:"generator"`
	Verified  *Verified `json:"verified,omitempty"`
	OK        bool      `json:"ok"`

	expected map[string]int64
	series   map[string]int64
}

// Failure is an error and how often it happened.
type Failure struct {
	Message string `json:"message"`
	Count   int64  `json:"count"`
}

// Latency is a distribution in milliseconds.
type Latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
	Mean float64 `json:"mean"`
}

// Generator is what the load test itself costs.
type Generator struct {
	// CPU is all of the process, sending included, in ns a sample.
	CPU float64 `json:"cpu_ns_per_sample"`
	// Prepare is making bodies, in ns of wall clock a sample.
	Prepare float64 `json:"prepare_ns_per_sample"`
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	ms := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	if h.TotalCount() == 0 {
		return Latency{}
	}
	return Latency{
		P50: ms(50), P90: ms(90), P99: ms(99), P999: ms(99.9),
		Max: float64(h.Max()) / 1000, Mean: h.Mean() / 1000,
	}
}

func (r *runner) report(begin, end time.Time, cpu time.Duration) *Report {
	t := r.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	out := &Report{
		Type: "loadtest", Connections: r.plan.Connections, RateWanted: r.plan.Rate,
		Begin: begin, Seconds: end.Sub(begin).Seconds(), FirstReading: t.first, LastReading: t.last,
		Requests: t.requests, Bytes: t.bytes,
		Acknowledged: t.acked, Refused: t.refusedN, Lost: t.lostN,
		Retries: t.retries, Errors: failures(t.errors),
		Latency: latencyOf(t.fromDue), Service: latencyOf(t.fromSent),
		expected: map[string]int64{}, series: map[string]int64{},
	}
	if r.plan.Rate > 0 {
		out.Unsent = max(0, r.schedule.due(end)-t.attempted)
	}
	if out.Seconds > 0 {
		out.PerSecond = float64(t.acked) / out.Seconds
	}
	if t.attempted > 0 {
		out.Generator.CPU = float64(cpu) / float64(t.attempted)
		out.Generator.Prepare = float64(t.prepare) / float64(t.attempted)
	}
	for part, requests := range t.parts {
		for metric, n := range r.load.Metrics(part) {
			out.expected[metric] += requests * int64(n)
			out.series[metric] += int64(n)
			out.Series += n
		}
	}
	out.judge()
	return out
}

// judge decides whether the run was clean.
func (r *Report) judge() {
	r.OK = r.Lost == 0 && r.Refused == 0 && len(r.Errors) == 0 && (r.Verified == nil || r.Verified.OK)
}

func failures(counts map[string]int64) []Failure {
	out := make([]Failure, 0, len(counts))
	for message, n := range counts {
		out = append(out, Failure{message, n})
	}
	slices.SortFunc(out, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Message, b.Message))
	})
	const most = 20
	return out[:min(len(out), most)]
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	p := &printer{w: w}
	p.line("%d series, %d connections, %.1f s", r.Series, r.Connections, r.Seconds)
	p.line("acknowledged  %d samples in %d requests, %.0f samples/s, %.1f MB", r.Acknowledged, r.Requests, r.PerSecond, float64(r.Bytes)/1e6)
	if r.RateWanted > 0 {
		p.line("wanted        %.0f samples/s, %d samples due and not sent", r.RateWanted, r.Unsent)
	}
	p.line("latency       p50 %.1f ms, p90 %.1f ms, p99 %.1f ms, p99.9 %.1f ms, max %.1f ms", r.Latency.P50, r.Latency.P90, r.Latency.P99, r.Latency.P999, r.Latency.Max)
	p.line("generator     %.0f ns CPU a sample, of which making bodies %.0f ns", r.Generator.CPU, r.Generator.Prepare)
	for _, why := range slices.Sorted(maps.Keys(r.Retries)) {
		p.line("sent again    %d times after: %s", r.Retries[why], why)
	}
	p.line("refused       %d samples", r.Refused)
	p.line("lost          %d samples", r.Lost)
	for _, f := range r.Errors {
		p.line("error         %d × %s", f.Count, f.Message)
	}
	if v := r.Verified; v != nil {
		p.line("stored        %d of %d acknowledged samples are there", v.Stored, v.Expected)
		for _, m := range v.Missing {
			p.line("missing       %s: %d of %d", m.Metric, m.Expected-m.Stored, m.Expected)
		}
	}
	return p.err
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
