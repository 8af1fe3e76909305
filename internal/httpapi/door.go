package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// writeDoor is what all routes that store something have in common.
type writeDoor struct {
	opts   Options
	bodies *bodyReader
}

func newWriteDoor(o Options) *writeDoor {
	return &writeDoor{opts: o, bodies: newBodyReader(o)}
}

// fail answers with an error. It may quote what was sent, and answers are logged
// by senders and proxies, so it goes without what must not be kept.
func (d *writeDoor) fail(w http.ResponseWriter, a answer, status int, err error) {
	a.fail(w, status, redactedError{err, d.opts.Intake.Redacted(err.Error())})
}

type redactedError struct {
	error
	text string
}

func (e redactedError) Error() string { return e.text }
func (e redactedError) Unwrap() error { return e.error }

// source is who sent a request to the named input.
func source(input string, r *http.Request) intake.Source {
	return intake.Source{Input: input, Sender: r.RemoteAddr}
}

func (d *writeDoor) refuseBody(w http.ResponseWriter, from intake.Source, a answer, err error) {
	var be *bodyError
	if !errors.As(err, &be) {
		be = &bodyError{http.StatusBadRequest, reading.ReasonIncomplete, err}
	}
	d.opts.Intake.Refuse(from, reading.Refusal{Reason: be.reason, Detail: be.Error()})
	if be.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", retryAfter)
	}
	if be.status == http.StatusRequestTimeout || be.reason == reading.ReasonIncomplete {
		// What is left of the body would be taken for the next request.
		w.Header().Set("Connection", "close")
	}
	d.fail(w, a, be.status, be)
}

// failStore answers for a request that could not be stored. Nothing of it is
// acknowledged; every such answer asks the client to come again.
func (d *writeDoor) failStore(w http.ResponseWriter, from intake.Source, a answer, err error) {
	if errors.Is(err, context.Canceled) {
		return // the client has gone
	}
	status, reason := http.StatusServiceUnavailable, reading.ReasonStoreFailed
	switch {
	case errors.Is(err, intake.ErrOverload):
		status, reason = http.StatusTooManyRequests, reading.ReasonOverload
	case errors.Is(err, tsdb.ErrDiskFull):
		reason = reading.ReasonDiskFull
	}
	d.opts.Intake.Refuse(from, reading.Refusal{Reason: reason, Detail: err.Error()})
	w.Header().Set("Retry-After", retryAfter)
	d.fail(w, a, status, err)
}
