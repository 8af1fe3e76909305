package otlp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/storage/remote/otlptranslator/prometheusremotewrite"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

// Decoder is safe for concurrent use.
type Decoder struct {
	opts     Options
	settings prometheusremotewrite.Settings
	names    otlptranslator.MetricNamer
	sums     *sums // nil: deltas are refused
	// converters keep what they know of label names.
	converters sync.Pool
}

// New returns a Decoder, which has to be closed.
func New(o Options) (*Decoder, error) {
	settings, err := o.settings()
	if err != nil {
		return nil, err
	}
	d := &Decoder{
		opts: o, settings: settings,
		names:      otlptranslator.MetricNamer{WithMetricSuffixes: settings.AddMetricSuffixes, UTF8Allowed: settings.AllowUTF8},
		converters: sync.Pool{New: func() any { return prometheusremotewrite.NewPrometheusConverter(nil) }},
	}
	if o.Cumulate {
		if d.sums, err = newSums(o.Streams); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Close forgets the sums of deltas.
func (d *Decoder) Close() error {
	if d.sums == nil {
		return nil
	}
	return d.sums.close()
}

// Request returns the decoder of one request.
func (d *Decoder) Request(e Encoding) *Request { return &Request{decoder: d, encoding: e} }

// Request decodes one message. What is wrong with a data point becomes a
// refusal of a part of its own.
type Request struct {
	decoder  *Decoder
	encoding Encoding
	failed   *refusal
}

// Err is why nothing could be made of the whole request, after Decode.
func (r *Request) Err() error {
	if r.failed == nil {
		return nil
	}
	return r.failed
}

// TooLarge says whether Err is about the size of the request.
func (r *Request) TooLarge() bool {
	return r.failed != nil && r.failed.reason == reading.ReasonTooLarge
}

// Decode implements input.Decoder.
func (r *Request) Decode(m *input.Message, out *reading.Builder) {
	md, failed := r.unmarshal(m.Body)
	if failed != nil {
		r.failed = failed
		out.Refuse(failed.reason, failed.text)
		return
	}
	d := r.decoder
	s := &screen{decoder: d, out: out, now: time.UnixMilli(m.Received), left: spelledOut * d.opts.MaxBody}
	s.metrics(md)
	if s.deltas && d.sums != nil {
		before := md.DataPointCount()
		if err := d.sums.add(md); err != nil {
			out.Refuse(reading.ReasonBadSeries, err.Error())
		}
		s.kept = nil // points may be missing
		for range before - md.DataPointCount() {
			s.refuse(reading.ReasonConflict, "a delta that is not newer than the one before it, or one series of deltas more than limits.series allows")
		}
	}
	d.convert(md, s)
}

func (r *Request) unmarshal(body []byte) (pmetric.Metrics, *refusal) {
	limit := blowUp * r.decoder.opts.MaxBody
	req := pmetricotlp.NewExportRequest()
	if r.encoding == Protobuf {
		if failed := scan(body, limit); failed != nil {
			return pmetric.Metrics{}, failed
		}
		if err := req.UnmarshalProto(body); err != nil {
			return pmetric.Metrics{}, refusef(reading.ReasonSyntax, "want a message of OTLP in protobuf; %v", err)
		}
		return req.Metrics(), nil
	}
	text, err := jsontext.UTF8(body)
	if err != nil {
		return pmetric.Metrics{}, refusef(reading.ReasonInvalidUTF8, "%v", err)
	}
	if failed := scanJSON(text, limit); failed != nil {
		return pmetric.Metrics{}, failed
	}
	if err := req.UnmarshalJSON(text); err != nil {
		return pmetric.Metrics{}, refusef(reading.ReasonSyntax, "want a message of OTLP in JSON; %v", err)
	}
	return req.Metrics(), nil
}

// convert has upstream make series of the points that are left.
func (d *Decoder) convert(md pmetric.Metrics, s *screen) {
	c := d.converters.Get().(*prometheusremotewrite.PrometheusConverter)
	c.Reset(newAppender(s, 2*spelledOut*d.opts.MaxBody))
	defer func() {
		c.Reset(nil)
		d.converters.Put(c)
	}()
	settings := d.settings
	settings.LookbackDelta = s.infoInterval(d.opts.Lookback)
	_, err := c.FromMetrics(context.Background(), md, settings)
	if err == nil {
		return
	}
	// What can go wrong has been looked for, so this is only for what nobody
	// thought of. The converter goes on behind it with the next metric.
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) {
		s.refuse(reading.ReasonBadSeries, err.Error())
		return
	}
	for _, err := range all.Unwrap() {
		s.refuse(reading.ReasonBadSeries, fmt.Sprintf("upstream's converter: %v", err))
	}
}
