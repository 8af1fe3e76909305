package otlp

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/prometheus/storage/remote/otlptranslator/prometheusremotewrite"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/plate"
	"github.com/belfry-city/belfry/collector/reading"
)

// screen looks at every data point of a request and takes out those that cannot
// be stored: the converter gives up a whole metric over one bad point of it.
type screen struct {
	decoder *Decoder
	out     *reading.Builder
	now     time.Time
	metric  string // its name, for messages

	// own and shared are the bytes of labels that the point at hand has, and that
	// all points around it have; left is what the request may still spell out.
	own, shared, left int64

	points int   // so far, counted from 1
	kept   []int // the numbers of those that are left; nil: not known
	deltas bool  // some are deltas
	// oldest and newest are of the resource at hand; spans adds up the time
	// between them over all resources, of which there are infos.
	oldest, newest pcommon.Timestamp
	spans          float64 // seconds
	infos          int
}

// problem is why something is refused; the zero value is none.
type problem struct {
	reason reading.Reason
	text   string
}

func wrong(reason reading.Reason, format string, args ...any) problem {
	return problem{reason, fmt.Sprintf(format, args...)}
}

// refuse refuses the next point.
func (s *screen) refuse(reason reading.Reason, detail string) {
	s.points++
	s.out.Part(s.points)
	s.out.Refuse(reason, detail)
}

// at says that what follows is of the nth point that is left.
func (s *screen) at(n int) {
	switch {
	case n == 0 || s.kept != nil && len(s.kept) == 0:
	case s.kept == nil:
		s.out.Part(n)
	default:
		s.out.Part(s.kept[min(n, len(s.kept))-1])
	}
}

func (s *screen) metrics(md pmetric.Metrics) {
	s.kept = make([]int, 0, md.DataPointCount())
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		_, p := s.attributes(rm.Resource().Attributes())
		if p.reason != "" {
			p.text = "the resource: " + p.text
		}
		promoted := s.promoted(rm.Resource().Attributes())
		s.oldest, s.newest = math.MaxInt64, 0
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			s.shared = promoted
			return s.scope(sm, p)
		})
		if s.newest > 0 {
			s.infos++
			s.spans += time.Duration(s.newest - s.oldest).Seconds()
		}
		return rm.ScopeMetrics().Len() == 0
	})
}

// scope returns true where nothing is left of it. outer is what is wrong with
// what surrounds it.
func (s *screen) scope(sm pmetric.ScopeMetrics, outer problem) bool {
	if outer.reason == "" && s.decoder.opts.PromoteScope {
		var size int64
		if size, outer = s.attributes(sm.Scope().Attributes()); outer.reason != "" {
			outer.text = "the scope: " + outer.text
		}
		s.shared += size + int64(len(sm.Scope().Name())+len(sm.Scope().Version())+len(sm.SchemaUrl()))
	}
	sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
		p := outer
		if p.reason == "" {
			p = s.name(m)
		}
		s.metric = m.Name()
		return s.values(m, p)
	})
	return sm.Metrics().Len() == 0
}

// name looks at what the metric will be called.
func (s *screen) name(m pmetric.Metric) problem {
	if text, ok := readable(m.Name()); !ok {
		return wrong(reading.ReasonInvalidUTF8, "the name of a metric is not valid UTF-8: %q", m.Name())
	} else if text != m.Name() {
		m.SetName(text)
	}
	name, err := s.decoder.names.Build(prometheusremotewrite.TranslatorMetricFromOtelMetric(m))
	switch {
	case isPlateName(m.Name()):
		return wrong(reading.ReasonBadSeries, "the name of a metric looks like a number plate, and plates are not kept; name it after what is measured")
	case m.Name() == "":
		return wrong(reading.ReasonMissing, "a metric without a name")
	case err != nil || name == "" || !s.nameable(m.Name()):
		return wrong(reading.ReasonBadSeries, "metric %q: its name has no letter or digit that inputs.otlp.translation_strategy keeps; NoUTF8EscapingWithSuffixes would keep all", m.Name())
	}
	return problem{}
}

// nameable says whether something is left of a name after its translation.
func (s *screen) nameable(name string) bool {
	if s.decoder.settings.AllowUTF8 {
		return strings.Trim(name, "_") != ""
	}
	return strings.ContainsFunc(name, func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	})
}

// maxNested is how deep lists and maps in an attribute may be nested.
const maxNested = 16

// attributes looks at what will be labels, and says how many bytes they take.
func (s *screen) attributes(attrs pcommon.Map) (size int64, p problem) {
	attrs.RemoveIf(isPlate)
	for name, v := range attrs.All() {
		size += int64(len(name))
		switch {
		case !utf8.ValidString(name):
			p = wrong(reading.ReasonInvalidUTF8, "the name of an attribute is not valid UTF-8: %q", name)
		case !s.nameable(name):
			p = wrong(reading.ReasonBadSeries, "attribute %q: its name has no letter or digit that inputs.otlp.translation_strategy keeps; NoUTF8EscapingWithSuffixes would keep all", name)
		default:
			if p = measure(v, 0, &size); p.reason != "" {
				p.text = fmt.Sprintf("attribute %q: %s", name, p.text)
			}
		}
		if p.reason != "" {
			return size, p
		}
	}
	if size > s.decoder.opts.MaxPoint {
		return size, wrong(reading.ReasonTooLong, "its attributes take %d bytes; at most %d (limits.line) are taken", size, s.decoder.opts.MaxPoint)
	}
	return size, p
}

// isPlate says whether an attribute is to go because its name is a number plate,
// or says that its value is one.
func isPlate(name string, v pcommon.Value) bool {
	return isPlateName(name) ||
		translated(name) && v.Type() == pcommon.ValueTypeStr && v.Str() != "" && len(plate.Redactor{}.Label([]byte(name), []byte(v.Str()))) == 0
}

func isPlateName(name string) bool {
	return translated(name) && string(plate.Redactor{}.Text([]byte(name))) != name
}

// translated says whether a name is one of which the translation would leave, of
// 渝A12345 or 车牌no, what nobody knows any more.
func translated(name string) bool {
	return strings.ContainsFunc(name, func(c rune) bool { return c >= utf8.RuneSelf || c == '\\' || c == '%' || c == '&' })
}

// measure looks into a value, and adds its size.
func measure(v pcommon.Value, depth int, size *int64) problem {
	if depth > maxNested {
		return wrong(reading.ReasonTooDeep, "it is nested more than %d deep", maxNested)
	}
	*size += 4
	switch v.Type() {
	case pcommon.ValueTypeStr:
		text, ok := readable(v.Str())
		if !ok {
			return wrong(reading.ReasonInvalidUTF8, "it is neither UTF-8 nor GB 18030: %q", v.Str())
		}
		if text != v.Str() {
			v.SetStr(text)
		}
		*size += int64(len(text))
	case pcommon.ValueTypeBytes:
		*size += int64(v.Bytes().Len())
	case pcommon.ValueTypeSlice:
		for _, inner := range v.Slice().All() {
			if p := measure(inner, depth+1, size); p.reason != "" {
				return p
			}
		}
	case pcommon.ValueTypeMap:
		for name, inner := range v.Map().All() {
			*size += int64(len(name))
			if p := measure(inner, depth+1, size); p.reason != "" {
				return p
			}
		}
	}
	return problem{}
}

// readable returns text in UTF-8. Some devices send GB 18030 where the protocol
// wants UTF-8.
func readable(text string) (string, bool) {
	if utf8.ValidString(text) {
		return text, true
	}
	b, err := jsontext.UTF8([]byte(text))
	return string(b), err == nil && utf8.Valid(b)
}

// infoInterval is the lookback by which upstream decides how often target_info
// is repeated between the first and the last point of a resource. Points far
// apart must not make more of it than there are points.
func (s *screen) infoInterval(lookback time.Duration) time.Duration {
	most := float64(len(s.kept) + 2*s.infos + 16)
	return max(lookback, time.Duration(2*s.spans/most*float64(time.Second)))
}
