package forward

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/belfry-city/belfry/collector/forward/line"
)

// What a series is spelled as that is not sent.
const (
	unwanted = "\x00" // it is not selected
	unfit    = "\x01" // it is, but cannot be written
)

// speller selects series and spells them. It is used by one goroutine.
type speller struct {
	filter  [][]*labels.Matcher
	drop    []string
	add     labels.Labels
	encoder line.Encoder

	builder *labels.Builder
	key     []byte
}

func newSpeller(o Options) *speller {
	return &speller{
		filter: o.Filter, drop: o.DropLabels, add: o.Labels,
		encoder: line.Encoder{Names: o.Names, Dialect: o.dialect()},
		builder: labels.NewBuilder(labels.EmptyLabels()),
	}
}

func (s *speller) spell(lset labels.Labels) string {
	if !s.selects(lset) {
		return unwanted
	}
	s.builder.Reset(lset)
	s.builder.Del(s.drop...)
	s.add.Range(func(l labels.Label) {
		if s.builder.Get(l.Name) == "" {
			s.builder.Set(l.Name, l.Value)
		}
	})
	var ok bool
	if s.key, ok = s.encoder.AppendKey(s.key[:0], s.builder.Labels()); !ok {
		return unfit
	}
	return string(s.key)
}

func (s *speller) selects(lset labels.Labels) bool {
	return len(s.filter) == 0 || slices.ContainsFunc(s.filter, func(all []*labels.Matcher) bool {
		return !slices.ContainsFunc(all, func(m *labels.Matcher) bool { return !m.Matches(lset.Get(m.Name)) })
	})
}
