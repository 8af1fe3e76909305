package client

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	jsoniter "github.com/json-iterator/go"
)

// Result is what an expression is.
type Result struct {
	Type     string // matrix, vector, scalar or string
	Series   []Series
	Text     string // of the type string, at the time of the one sample of Series
	Warnings []string
	Infos    []string
	// Total is how many series there were; those beyond the limits are not in
	// Series.
	Total int
	// Cut says that there were more than Total, of an answer that is longer than
	// what is read of it.
	Cut bool
}

// Series is one time series, its samples in order of time.
type Series struct {
	Labels     map[string]string
	Times      []time.Time
	Values     []float64
	Histograms []Histogram
}

// Histogram is a native histogram at an instant.
type Histogram struct {
	Time       time.Time
	Count, Sum float64
	Buckets    []Bucket
}

// Bucket counts what is between its bounds.
type Bucket struct{ Lower, Upper, Count float64 }

// samples is how many there are.
func (s *Series) samples() int {
	n := len(s.Values)
	for _, h := range s.Histograms {
		n += 1 + len(h.Buckets)
	}
	return n
}

var errShape = errors.New("an answer of another shape than that of the Prometheus API")

// decodeResult reads the answer to a query as it comes, so that what is beyond
// the limits is never in memory. With an error it returns what came before.
func decodeResult(r io.Reader, limits Limits) (*Result, error) {
	d := &decoder{it: jsoniter.Parse(jsoniter.ConfigCompatibleWithStandardLibrary, r, 32<<10), limits: limits, result: &Result{}}
	d.object(func(key string) {
		switch key {
		case "data":
			d.data()
		case "warnings":
			d.result.Warnings = d.texts()
		case "infos":
			d.result.Infos = d.texts()
		default:
			d.it.Skip()
		}
	})
	if d.it.Error != nil && !errors.Is(d.it.Error, io.EOF) {
		return d.result, fmt.Errorf("read the answer to a query: %w", d.it.Error)
	}
	if !d.whole {
		return nil, fmt.Errorf("read the answer to a query: %w", io.ErrUnexpectedEOF)
	}
	if d.result.Type == "" {
		return nil, errShape
	}
	return d.result, nil
}

type decoder struct {
	it     *jsoniter.Iterator
	limits Limits
	result *Result
	points int
	depth  int
	whole  bool // the outermost object has its end
}

// object calls back for each key; the callback reads the value.
func (d *decoder) object(member func(key string)) {
	if next := d.it.WhatIsNext(); errors.Is(d.it.Error, io.EOF) {
		return
	} else if next != jsoniter.ObjectValue {
		d.it.ReportError("answer", "want an object")
		return
	}
	d.depth++
	done := d.it.ReadObjectCB(func(_ *jsoniter.Iterator, key string) bool {
		member(key)
		return d.it.Error == nil
	})
	d.depth--
	d.whole = d.depth == 0 && done
}

func (d *decoder) array(element func()) {
	if d.it.WhatIsNext() != jsoniter.ArrayValue {
		d.it.ReportError("answer", "want an array")
		return
	}
	d.it.ReadArrayCB(func(*jsoniter.Iterator) bool {
		element()
		return d.it.Error == nil
	})
}

func (d *decoder) texts() (texts []string) {
	if d.it.WhatIsNext() == jsoniter.NilValue {
		d.it.Skip()
		return nil
	}
	d.array(func() {
		text := d.it.ReadString()
		if len(texts) < 20 {
			texts = append(texts, clip(text))
		}
	})
	return texts
}

// data reads resultType before result, as Belfry and Prometheus write them.
func (d *decoder) data() {
	d.object(func(key string) {
		switch key {
		case "resultType":
			d.result.Type = d.it.ReadString()
		case "result":
			d.read()
		default:
			d.it.Skip()
		}
	})
}

func (d *decoder) read() {
	switch d.result.Type {
	case "matrix", "vector":
		d.array(d.series)
	case "scalar":
		s := Series{Labels: map[string]string{}}
		d.sample(&s)
		d.keep(s)
	case "string":
		s := Series{Labels: map[string]string{}}
		d.pair(func(t time.Time) {
			s.Times = append(s.Times, t)
			d.result.Text = d.it.ReadString()
		})
		d.keep(s)
	default:
		d.it.ReportError("answer", "want resultType before result, and it to be matrix, vector, scalar or string")
	}
}

func (d *decoder) series() {
	d.result.Total++
	if len(d.result.Series) >= d.limits.Series || d.points >= d.limits.Points {
		d.it.Skip()
		return
	}
	s := Series{Labels: map[string]string{}}
	d.object(func(key string) {
		switch key {
		case "metric":
			d.object(func(name string) { s.Labels[name] = d.it.ReadString() })
		case "value":
			d.sample(&s)
		case "values":
			d.array(func() { d.sample(&s) })
		case "histogram":
			d.histogram(&s)
		case "histograms":
			d.array(func() { d.histogram(&s) })
		default:
			d.it.Skip()
		}
	})
	if d.it.Error == nil {
		d.result.Total--
		d.keep(s)
	}
}

func (d *decoder) keep(s Series) {
	d.result.Total++
	if n := s.samples(); d.points+n <= d.limits.Points {
		d.result.Series = append(d.result.Series, s)
		d.points += n
		return
	}
	d.points = d.limits.Points // so that no shorter one after it is taken
}

// pair reads [time, something].
func (d *decoder) pair(second func(time.Time)) {
	i := 0
	var t time.Time
	d.array(func() {
		switch i++; i {
		case 1:
			t = instant(d.it.ReadFloat64())
		case 2:
			second(t)
		default:
			d.it.ReportError("answer", "want a pair of time and value")
		}
	})
	if i < 2 && d.it.Error == nil {
		d.it.ReportError("answer", "want a pair of time and value")
	}
}

func (d *decoder) sample(s *Series) {
	d.pair(func(t time.Time) {
		s.Times = append(s.Times, t)
		s.Values = append(s.Values, d.number())
	})
}

// number reads a number that is written as a text.
func (d *decoder) number() float64 {
	text := d.it.ReadString()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) && d.it.Error == nil {
		d.it.ReportError("answer", "want a number")
	}
	return v
}

func (d *decoder) histogram(s *Series) {
	d.pair(func(t time.Time) {
		h := Histogram{Time: t}
		d.object(func(key string) {
			switch key {
			case "count":
				h.Count = d.number()
			case "sum":
				h.Sum = d.number()
			case "buckets":
				d.array(func() { h.Buckets = append(h.Buckets, d.bucket()) })
			default:
				d.it.Skip()
			}
		})
		s.Histograms = append(s.Histograms, h)
	})
}

func (d *decoder) bucket() (b Bucket) {
	i := 0
	d.array(func() {
		switch i++; i {
		case 1:
			d.it.ReadFloat64() // which bounds belong to it
		case 2:
			b.Lower = d.number()
		case 3:
			b.Upper = d.number()
		case 4:
			b.Count = d.number()
		default:
			d.it.ReportError("answer", "want a bucket of four")
		}
	})
	return b
}

// instant is a time in seconds since 1970, which may have a fraction. What is
// beyond the years that times can have is the epoch.
func instant(seconds float64) time.Time {
	if math.IsNaN(seconds) || math.Abs(seconds) > 253402300799 {
		return time.UnixMilli(0).UTC()
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
}
