package httpapi

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"golang.org/x/sync/semaphore"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/otlp"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

const (
	otlpProtobuf = "application/x-protobuf"
	otlpJSON     = "application/json"
	// decodeWait is how long a request waits until others have been decoded.
	decodeWait = 5 * time.Second
)

// otlpWriter takes OpenTelemetry's metrics over HTTP.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
type otlpWriter struct {
	*writeDoor
	// decoding bounds the bytes of all requests that are decoded at a time: in
	// memory they take many times as much.
	decoding *semaphore.Weighted
}

func newOTLPWriter(d *writeDoor) *otlpWriter {
	return &otlpWriter{writeDoor: d, decoding: semaphore.NewWeighted(max(d.opts.InFlight/4, d.opts.MaxBody))}
}

func (ow *otlpWriter) write(w http.ResponseWriter, r *http.Request) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	a := answerOTLP{otlp.JSON}
	if kind == otlpProtobuf {
		a.encoding = otlp.Protobuf
	}
	from := source("otlp", r)
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		a.fail(w, http.StatusMethodNotAllowed, errors.New("metrics are posted"))
		return
	case kind != otlpProtobuf && kind != otlpJSON:
		err := fmt.Errorf("Content-Type %q is not one of OTLP; want %s or %s", r.Header.Get("Content-Type"), otlpProtobuf, otlpJSON)
		ow.refuseBody(w, from, a, &bodyError{http.StatusUnsupportedMediaType, reading.ReasonUnsupported, err})
		return
	}
	b, err := ow.bodies.read(w, r)
	if err != nil {
		ow.refuseBody(w, from, a, err)
		return
	}
	defer b.release()
	if err := ow.awaitRoom(r.Context(), b); err != nil {
		ow.failStore(w, from, a, err)
		return
	}
	defer ow.decoding.Release(int64(len(b.bytes)))
	req := ow.opts.OTLP().Request(a.encoding)
	m := &input.Message{Body: b.bytes, ContentType: kind, Sender: from.Sender, Received: time.Now().UnixMilli()}
	res, err := ow.opts.Intake.Take(r.Context(), from.Input, m, req)
	switch {
	case err != nil:
		ow.failStore(w, from, a, err)
	case req.TooLarge():
		ow.fail(w, a, http.StatusRequestEntityTooLarge, req.Err())
	case req.Err() != nil:
		ow.fail(w, a, http.StatusBadRequest, req.Err())
	default:
		a.partial(w, res)
	}
}

func (ow *otlpWriter) awaitRoom(ctx context.Context, b *body) error {
	wait, cancel := context.WithTimeout(ctx, decodeWait)
	defer cancel()
	if err := ow.decoding.Acquire(wait, int64(len(b.bytes))); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return intake.ErrOverload
	}
	return nil
}

// answerOTLP answers in the encoding of the request.
type answerOTLP struct{ encoding otlp.Encoding }

// partial says what of a request was stored; where something was refused it is
// a success as well, as the protocol wants it.
func (a answerOTLP) partial(w http.ResponseWriter, res intake.Result) {
	if res.Refused == 0 {
		// partial_success must not be set, but pdata's type always sets it.
		a.send(w, http.StatusOK, func() ([]byte, error) {
			if a.encoding == otlp.JSON {
				return []byte("{}"), nil
			}
			return nil, nil
		})
		return
	}
	answer := pmetricotlp.NewExportResponse()
	answer.PartialSuccess().SetRejectedDataPoints(int64(res.RefusedParts))
	answer.PartialSuccess().SetErrorMessage(refusedPoints(res))
	if a.encoding == otlp.JSON {
		a.send(w, http.StatusOK, answer.MarshalJSON)
		return
	}
	a.send(w, http.StatusOK, answer.MarshalProto)
}

func refusedPoints(res intake.Result) string {
	var b strings.Builder
	for i, r := range res.Refusals {
		if i == 5 {
			b.WriteString("; …")
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "point %d: %s: %s", r.Line, r.Reason, r.Detail)
	}
	return strings.ToValidUTF8(b.String(), "?")
}

// fail answers with a google.rpc.Status, as the protocol wants it.
func (a answerOTLP) fail(w http.ResponseWriter, status int, err error) {
	code := codes.InvalidArgument
	switch status {
	case http.StatusMethodNotAllowed:
		code = codes.Unimplemented
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		code = codes.ResourceExhausted
	case http.StatusServiceUnavailable:
		code = codes.Unavailable
	case http.StatusRequestTimeout:
		// Clients send again only after some statuses, of which this is none.
		status, code = http.StatusServiceUnavailable, codes.Unavailable
		w.Header().Set("Retry-After", retryAfter)
	}
	s := &spb.Status{Code: int32(code), Message: strings.ToValidUTF8(err.Error(), "?")}
	if a.encoding == otlp.JSON {
		a.send(w, status, func() ([]byte, error) { return protojson.Marshal(s) })
		return
	}
	a.send(w, status, func() ([]byte, error) { return proto.Marshal(s) })
}

func (a answerOTLP) send(w http.ResponseWriter, status int, marshal func() ([]byte, error)) {
	body, err := marshal()
	if err != nil {
		status, body = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", otlpProtobuf)
	if a.encoding == otlp.JSON {
		w.Header().Set("Content-Type", otlpJSON)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
