package intake

import (
	"fmt"
	"time"

	"github.com/belfry-city/belfry/collector/reading"
)

// Result is what became of one request or message.
type Result struct {
	// Samples is how many values are stored, exact duplicates and native
	// histograms included.
	Samples int
	// Histograms and Exemplars are counted for Write only. Exemplars are no
	// samples.
	Histograms, Exemplars int
	// Events is how many events are stored.
	Events int
	// Strings is how many text fields were skipped.
	Strings int
	// Refused is how many refusals there were; Refusals holds the first of them.
	Refused  int
	Refusals []Refusal
	// RefusedParts is how many lines or elements of the request they are about.
	RefusedParts int
	last         uint32 // part refused
}

// Refusal is a part that was not taken. Unlike reading.Refusal it shares no
// memory with the request.
type Refusal struct {
	Line   uint32
	Reason reading.Reason
	Detail string
}

func (r Refusal) String() string {
	return fmt.Sprintf("line %d: %s: %s", r.Line, r.Reason, r.Detail)
}

// maxRefusals is how many refusals an answer names.
const maxRefusals = 20

// add counts a refusal. Of those that an answer names, the detail goes without
// what must not be kept: it may quote the message, and answers are logged.
func (in *Intake) add(r *Result, x reading.Refusal, around []reading.Label) {
	if r.Refused == 0 || r.last != x.Line {
		r.RefusedParts++
		r.last = x.Line
	}
	if r.Refused++; len(r.Refusals) < maxRefusals {
		r.Refusals = append(r.Refusals, Refusal{Line: x.Line, Reason: x.Reason, Detail: in.Redacted(x.Detail, around...)})
	}
}

func (in *Intake) account(b *reading.Batch, from Source, res *Result) {
	res.Strings += b.Strings
	in.skipped(b.Strings)
	for _, r := range b.Refusals {
		in.Refuse(from, r)
		in.add(res, r, nil)
	}
}

func (in *Intake) skipped(strings int) {
	if strings > 0 {
		in.opts.Metrics.GetOrCreateCounter(`belfry_skipped_total{reason="string_field"}`).Add(strings)
	}
}

// Refuse counts a refusal and hands it to the quarantine. Inputs call it for
// what never became a batch: whole requests, connections, frames.
func (in *Intake) Refuse(from Source, r reading.Refusal) { in.refuse(from, r, nil) }

func (in *Intake) refuse(from Source, r reading.Refusal, around []reading.Label) {
	m := in.opts.Metrics
	m.GetOrCreateCounter(fmt.Sprintf(`belfry_refused_total{reason=%q}`, string(r.Reason))).Inc()
	m.GetOrCreateCounter(fmt.Sprintf(`belfry_input_refused_total{input=%q,reason=%q}`, from.Input, string(r.Reason))).Inc()
	if in.opts.Quarantine == nil {
		return
	}
	if in.opts.Redactor != nil {
		r.Raw = in.opts.Redactor.Text(r.Raw, around...)
		r.Detail = in.Redacted(r.Detail, around...)
	}
	in.opts.Quarantine.Keep(Refused{Source: from, Time: time.Now(), Refusal: r})
}
