package parking

import (
	"bytes"
	"fmt"
	"time"
	"unsafe"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

// Options of the decoders.
type Options struct {
	// Timezone is that of times without one; UTC where nil.
	Timezone *time.Location
	// Source is the label source of bays whose sender does not say; geomagnetic
	// where empty.
	Source string
	// Columns are headings of CSV, and keys of JSON, that stand for something
	// else than they seem to, or for something that is not known: heading to one
	// of Columns(). "" means that a column is not used.
	Columns map[string]string
	// Catalog translates the senders' ids (external.parking, external.ngsi) to
	// assets; it may be nil.
	Catalog func() *catalog.Catalog
}

// Decoder reads the state of bays and the counters of car parks, in JSON or
// CSV. It is safe for concurrent use.
type Decoder struct {
	common
	columns map[string]field
}

// common is what both decoders share.
type common struct {
	zone    *time.Location
	source  string
	catalog func() *catalog.Catalog
	kind    string // of external ids
}

func newCommon(o Options, kind string) common {
	c := common{zone: o.Timezone, source: o.Source, catalog: o.Catalog, kind: kind}
	if c.zone == nil {
		c.zone = time.UTC
	}
	if c.source == "" {
		c.source = sourceGeomagnetic
	}
	return c
}

// New returns a Decoder.
func New(o Options) (*Decoder, error) {
	d := &Decoder{common: newCommon(o, "parking"), columns: map[string]field{}}
	for heading, name := range o.Columns {
		f, ok := fieldOf(name)
		if !ok {
			return nil, fmt.Errorf("column %q: want one of %v, or nothing; got %q", heading, Columns(), name)
		}
		d.columns[normal(heading)] = f
	}
	return d, nil
}

var _ input.Decoder = (*Decoder)(nil)

// longestWord is the longest body that may be a single state, such as "free".
const longestWord = 32

// Decode implements input.Decoder.
func (d *Decoder) Decode(m *input.Message, out *reading.Builder) {
	text, err := jsontext.UTF8(m.Body)
	if err != nil {
		jsontext.Refuse(out, err, m.Body)
		return
	}
	trimmed := bytes.TrimSpace(text)
	switch {
	case len(trimmed) == 0:
		out.Refuse(reading.ReasonMissing, "the message is empty")
	case trimmed[0] == '{' || trimmed[0] == '[':
		d.decodeJSON(m, text, out)
	case trimmed[0] == '<':
		out.Refuse(reading.ReasonUnsupported, "this is XML; want JSON or CSV")
	case len(trimmed) <= longestWord && !bytes.ContainsAny(trimmed, ",;\t\n|"):
		rec := record{}
		rec.set(fieldOccupied, bytes.Trim(trimmed, `"`))
		d.emit(m, &rec, refuser{out: out})
	default:
		d.decodeCSV(m, text, out)
	}
}

// asset is the id of the asset that others call id.
func (c *common) asset(id []byte) string {
	if c.catalog != nil {
		if a, ok := c.catalog().ByExternal(c.kind, view(id)); ok {
			return a.ID
		}
	}
	return view(id)
}

// view is only for what copies or forgets the text at once.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
