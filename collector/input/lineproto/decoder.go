package lineproto

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

// Decoder reads messages that are lines of line protocol, such as those that
// Telegraf publishes over MQTT. Their series are the same as those of the same
// lines over HTTP, with the labels that surround the message. Unlike there, they
// may be in GB 18030. It is safe for concurrent use.
type Decoder struct {
	precision time.Duration
	maxLine   int
	pool      sync.Pool
}

// NewDecoder returns a decoder for timestamps of the precision, one of those
// that ParsePrecisionV1 returns. Lines longer than maxLine bytes are refused; 0
// means any length.
func NewDecoder(precision time.Duration, maxLine int) *Decoder {
	return &Decoder{precision: precision, maxLine: maxLine, pool: sync.Pool{New: func() any { return new(decoding) }}}
}

var _ input.Decoder = (*Decoder)(nil)

// decoding is what is reused from message to message.
type decoding struct {
	parser Parser
	batch  reading.Batch
	name   []byte // of a metric
	tags   []reading.Label
}

// Decode implements input.Decoder.
func (d *Decoder) Decode(m *input.Message, out *reading.Builder) {
	g := d.pool.Get().(*decoding)
	defer func() {
		g.batch.Reset()
		g.tags = g.tags[:0] // they point into the message
		d.pool.Put(g)
	}()
	b := &g.batch
	o := Options{Precision: d.precision, MaxLine: d.maxLine, Now: m.Received}
	g.parser.Parse(b, m.Body, 1, o)
	if len(b.Refusals) > 0 {
		if text, is := inGB18030(m.Body); is {
			b.Reset()
			g.parser.Parse(b, text, 1, o)
		}
	}
	out.AnyNames()
	out.Skip(b.Strings)
	refused := b.Refusals
	for i := range b.Points {
		p := &b.Points[i]
		for len(refused) > 0 && refused[0].Line < p.Line {
			refuse(out, &refused[0])
			refused = refused[1:]
		}
		out.Part(int(p.Line))
		g.point(p, out)
	}
	for i := range refused {
		refuse(out, &refused[i])
	}
	if len(b.Points) == 0 && len(b.Refusals) == 0 && b.Strings == 0 {
		out.Refuse(reading.ReasonMissing, "the message has no line")
	}
}

// inGB18030 is a message that is in GB 18030, or GBK, in UTF-8. It is asked only
// where something is wrong: what is read as it stands is in UTF-8, but for texts
// and comments, which are not stored.
func inGB18030(body []byte) (text []byte, is bool) {
	if utf8.Valid(body) {
		return nil, false
	}
	text, err := jsontext.UTF8(body)
	if err != nil || bytes.HasPrefix(body, text) { // what is left of broken UTF-8
		return nil, false
	}
	return text, true
}

func refuse(out *reading.Builder, r *reading.Refusal) {
	out.Part(int(r.Line))
	out.RefuseRaw(r.Reason, r.Detail, r.Raw)
}

// point adds a point with its fields, spelled as Speller does it.
func (g *decoding) point(p *reading.Point, out *reading.Builder) {
	b := &g.batch
	key := b.Bytes(p.Key)
	end := tokenEnd(key, 0, measurement)
	g.name = append(g.name[:0], unescape(key[:end], measurement)...)
	if err := g.readTags(key, end); err != nil {
		out.RefuseRaw(reading.ReasonBadSeries, err.Error(), b.Bytes(p.Whole))
		return
	}
	out.Begin(p.Time)
	for _, tag := range g.tags {
		out.Label(asString(tag.Name), asString(tag.Value))
	}
	base := len(g.name)
	for _, f := range b.Fields[p.First : p.First+p.Count] {
		g.name = g.name[:base]
		if field := unescape(b.Bytes(f.Name), fieldKey); string(field) != "value" {
			g.name = append(append(g.name, '_'), field...)
		}
		out.ValueBytes(g.name, f.Value)
	}
}

// readTags reads the tags of a key that the Parser found, from the end of the
// measurement on.
func (g *decoding) readTags(key []byte, end int) error {
	g.tags = g.tags[:0]
	for end < len(key) {
		equals := tokenEnd(key, end+1, tagKey)
		name := unescape(key[end+1:equals], tagKey)
		end = tokenEnd(key, equals+1, tagValue)
		switch {
		case string(name) == metricName:
			return fmt.Errorf("a tag cannot be called %s", metricName)
		case slices.ContainsFunc(g.tags, func(t reading.Label) bool { return bytes.Equal(t.Name, name) }):
			return fmt.Errorf("the tag %q occurs twice", name)
		}
		g.tags = append(g.tags, reading.Label{Name: name, Value: unescape(key[equals+1:end], tagValue)})
	}
	return nil
}
