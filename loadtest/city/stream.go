package city

import (
	"slices"
	"time"
)

// Field is one value of a stream. Measurement and Name joined by an underscore
// are the metric's name; a Name of "value" stands for the measurement alone.
type Field struct {
	Name string
	// Decimals is how many digits after the point the device sends; 0 means a
	// whole number.
	Decimals int
	// Counter says that the value only ever grows.
	Counter bool
}

// Label is one of a stream besides the asset's id.
type Label struct{ Name, Value string }

// Stream is what one device reports in one message: all fields at one instant.
type Stream struct {
	Asset       *Asset
	Measurement string
	Fields      []Field
	// Labels tell streams of one asset apart, or say what it belongs to, such as
	// point or section. They are sorted by name.
	Labels []Label
	// Interval is how often the device reports, and Phase how far into each
	// interval it does.
	Interval, Phase time.Duration

	model  model
	seed   uint64
	faults []appliedFault
}

type model interface {
	read(at int64, dst []float64) []float64
}

// First is a stream of the same device that reports only its first n fields.
// Faults that are scheduled later do not reach it.
func (s *Stream) First(n int) *Stream {
	fewer := *s
	fewer.Fields = s.Fields[:n]
	fewer.model = firstOf{s.model, n}
	fewer.faults = slices.DeleteFunc(slices.Clone(s.faults), func(f appliedFault) bool { return !f.silence && f.field >= n })
	return &fewer
}

type firstOf struct {
	model
	n int
}

func (m firstOf) read(at int64, dst []float64) []float64 {
	return m.model.read(at, dst)[:len(dst)+m.n]
}

// label adds a label; the caller adds them in the order of their names.
func (s *Stream) label(name, value string) *Stream {
	s.Labels = append(s.Labels, Label{name, value})
	return s
}

// Metric is the name under which the database stores field i.
func (s *Stream) Metric(i int) string {
	if s.Fields[i].Name == "value" {
		return s.Measurement
	}
	return s.Measurement + "_" + s.Fields[i].Name
}

// Read appends what the stream says at the instant, one value a field; false
// means that the device is silent, and nothing was appended. Streams may be
// read concurrently as long as no fault is being scheduled.
func (s *Stream) Read(at time.Time, dst []float64) ([]float64, bool) {
	return s.ReadMS(at.UnixMilli(), dst)
}

// ReadMS is Read for milliseconds since the epoch.
func (s *Stream) ReadMS(at int64, dst []float64) ([]float64, bool) {
	for i := range s.faults {
		if s.faults[i].silence && s.faults[i].active(at) {
			return dst, false
		}
	}
	first := len(dst)
	dst = s.model.read(at, dst)
	for i := range s.faults {
		f := &s.faults[i]
		if share := f.share(at); share > 0 && !f.silence {
			v := &dst[first+f.field]
			*v += (f.peak*(1+0.01*rough(s.seed, at)) - *v) * share
			if s.Fields[f.field].Decimals == 0 {
				*v = float64(int64(*v + 0.5))
			}
		}
	}
	return dst, true
}

// Next is the first instant at or after the given one at which the device
// reports.
func (s *Stream) Next(at time.Time) time.Time {
	interval, phase := s.Interval.Milliseconds(), s.Phase.Milliseconds()
	k, rest := divide(at.UnixMilli()-phase, interval)
	if rest > 0 || at.Nanosecond()%int(time.Millisecond) != 0 {
		k++
	}
	return time.UnixMilli(k*interval + phase)
}
