package httpapi

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/belfry-city/belfry/collector/input/remotewrite"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

// remoteWriter serves Prometheus remote write, versions 1 and 2, and
// VictoriaMetrics' variant of version 1.
type remoteWriter struct {
	*writeDoor
	parsers sync.Pool
}

func newRemoteWriter(d *writeDoor) *remoteWriter {
	return &remoteWriter{writeDoor: d, parsers: sync.Pool{New: func() any { return new(remotewrite.Parser) }}}
}

func (rw *remoteWriter) write(w http.ResponseWriter, r *http.Request) {
	from := source("remotewrite", r)
	a := answerRemote{}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		a.fail(w, http.StatusMethodNotAllowed, errors.New("remote write requests are posted"))
		return
	}
	version, err := messageVersion(r.Header.Get("Content-Type"))
	if err != nil {
		rw.bodies.discard(r)
		rw.refuseBody(w, from, a, &bodyError{http.StatusUnsupportedMediaType, reading.ReasonBadEncoding, err})
		return
	}
	a.version = version
	b, err := rw.bodies.readBlock(w, r)
	if err != nil {
		rw.refuseBody(w, from, a, err)
		return
	}
	defer b.release()
	p := rw.parsers.Get().(*remotewrite.Parser)
	defer rw.parsers.Put(p)
	defer p.Release()
	if err := p.Begin(b.bytes, version, remotewrite.Options{MaxSeries: int(rw.opts.MaxLine)}); err != nil {
		rw.refuseBody(w, from, a, &bodyError{http.StatusBadRequest, reading.ReasonSyntax, fmt.Errorf("nothing is stored: %w", err)})
		return
	}
	parse := func(b *reading.Batch) bool { return p.Some(b, partSamples) }
	res, err := rw.opts.Intake.Write(r.Context(), from, parse, remotewrite.Speller{})
	if err != nil {
		rw.failStore(w, from, a, err)
		return
	}
	a.written = res
	if res.Refused > 0 {
		a.describe = func(series uint32) string { return rw.opts.Intake.Redacted(p.Describe(series)) }
		a.partial(w, res)
		return
	}
	a.setWritten(w)
	w.WriteHeader(http.StatusNoContent)
}

// messageVersion is told by the parameter proto of the content type; version 1
// came before it.
func messageVersion(contentType string) (remotewrite.Version, error) {
	if contentType == "" {
		return remotewrite.V1, nil
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err == nil && media == "application/x-protobuf" {
		switch params["proto"] {
		case "", "prometheus.WriteRequest":
			return remotewrite.V1, nil
		case "io.prometheus.write.v2.Request":
			return remotewrite.V2, nil
		}
	}
	return 0, fmt.Errorf("Content-Type %q is not known here; use application/x-protobuf with proto=prometheus.WriteRequest or proto=io.prometheus.write.v2.Request", contentType)
}

// answerRemote answers in text, of which senders log the first line.
type answerRemote struct {
	version  remotewrite.Version
	written  intake.Result
	describe func(series uint32) string
}

// fail answers with an error. A sender drops what was answered with a status of
// 4xx, Prometheus also with 429 unless it is told otherwise; so everything that
// may be taken later is answered with 503.
func (a answerRemote) fail(w http.ResponseWriter, status int, err error) {
	var be *bodyError
	if status == http.StatusTooManyRequests || (errors.As(err, &be) && be.reason == reading.ReasonIncomplete) {
		w.Header().Set("Retry-After", retryAfter)
		status = http.StatusServiceUnavailable
	}
	a.setWritten(w)
	http.Error(w, firstLine(err.Error()), status)
}

func (a answerRemote) partial(w http.ResponseWriter, res intake.Result) {
	a.setWritten(w)
	http.Error(w, firstLine(a.partialMessage(res)), http.StatusBadRequest)
}

// maxMessage is how much of an answer Prometheus reads.
const maxMessage = 1024

func (a answerRemote) partialMessage(res intake.Result) string {
	var m strings.Builder
	fmt.Fprintf(&m, "partial write: %d refused, %d samples stored", res.Refused, res.Samples)
	for _, r := range res.Refusals {
		if m.Len() > maxMessage {
			break
		}
		fmt.Fprintf(&m, "; series %d %s: %s: %s", r.Line, a.describe(r.Line), r.Reason, r.Detail)
	}
	return m.String()
}

// firstLine is a message in one line: senders log no more.
func firstLine(message string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, message)
}

// setWritten says what was stored, which a sender of version 2 demands to know
// (https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/#required-written-response-headers).
func (a answerRemote) setWritten(w http.ResponseWriter) {
	if a.version != remotewrite.V2 {
		return
	}
	h := w.Header()
	h.Set("X-Prometheus-Remote-Write-Samples-Written", strconv.Itoa(a.written.Samples-a.written.Histograms))
	h.Set("X-Prometheus-Remote-Write-Histograms-Written", strconv.Itoa(a.written.Histograms))
	h.Set("X-Prometheus-Remote-Write-Exemplars-Written", strconv.Itoa(a.written.Exemplars))
}
