package hj212

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
)

// DecoderOptions say how segments are read. All are required.
type DecoderOptions struct {
	Table *Table
	// Zone is that of the clocks of devices.
	Zone *time.Location
	// Catalog finds the asset of an MN, by its external id hj212_mn or mn.
	Catalog func() *catalog.Catalog
	// ValidFlags are the data flags of values that are fit for use. A value
	// without a flag is.
	ValidFlags []string
}

// Decoder makes readings of data segments. It implements input.Decoder.
type Decoder struct {
	opts  DecoderOptions
	valid map[string]bool
	sum   *checksum
	work  sync.Pool
}

// NewDecoder returns a Decoder.
func NewDecoder(o DecoderOptions) *Decoder {
	d := &Decoder{opts: o, valid: map[string]bool{}, sum: newChecksum()}
	for _, f := range o.ValidFlags {
		d.valid[f] = true
	}
	d.work.New = func() any { return new(decoding) }
	return d
}

// Decode implements input.Decoder. The body is a data segment, or frames with
// their CRC, as a gateway passes them on.
func (d *Decoder) Decode(m *input.Message, out *reading.Builder) {
	body := m.Body
	if !bytes.HasPrefix(body, []byte("##")) {
		d.decodeSegment(m, body, out)
		return
	}
	s := scanner{sum: d.sum, max: LongestSegment, buf: body, end: len(body)}
	for part := 1; ; part++ {
		data, wrong := s.next()
		out.Part(part)
		switch {
		case data != nil:
			d.decodeSegment(m, data, out)
		case wrong != nil:
			out.RefuseRaw(wrong.reason, wrong.detail, wrong.raw)
		default:
			if len(s.pending()) > 0 {
				out.RefuseRaw(reading.ReasonIncomplete, "the frame is not complete", s.pending())
			}
			return
		}
	}
}

func (d *Decoder) decodeSegment(m *input.Message, body []byte, out *reading.Builder) {
	if !utf8.Valid(body) {
		body = fromGBK(body)
	}
	w := d.work.Get().(*decoding)
	defer d.work.Put(w)
	*w = decoding{Decoder: d, out: out, seg: parseSegment(body), fields: w.fields[:0], name: w.name}
	if !w.seg.isCommand() {
		out.Refuse(reading.ReasonMissing, "no CN; want a data segment such as QN=...;ST=32;CN=2011;PW=...;MN=...;Flag=5;CP=&&...&&")
		return
	}
	if w.asset = w.findAsset(m); w.asset == "" {
		out.Refuse(reading.ReasonMissing, "no MN")
		return
	}
	if !carriesData(w.seg.cn) {
		out.Refuse(reading.ReasonUnsupported, fmt.Sprintf("CN=%d carries no readings", w.seg.cn))
		return
	}
	w.period = period(w.seg.cn)
	w.run(m.Received)
}

func (s *segment) isCommand() bool { return s.cn != 0 }

// fromGBK decodes text that is no UTF-8. GB 18030 holds all of GBK and GB 2312.
func fromGBK(text []byte) []byte {
	utf, err := simplifiedchinese.GB18030.NewDecoder().Bytes(text)
	if err != nil {
		return bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	return utf
}

// decoding is the work on one segment.
type decoding struct {
	*Decoder
	out    *reading.Builder
	seg    segment
	asset  string
	period string
	time   int64

	fields    []field
	scattered bool // a flag stands apart from its values
	pollutant []byte
	name      []byte // scratch

	begun   bool
	current labels // of the point that has been begun
}

// labels are those of a point, besides asset and pollutant.
type labels struct {
	period, facility, flag, code string
}

func (w *decoding) findAsset(m *input.Message) string {
	if a := m.Label("asset"); a != "" {
		return a
	}
	mn := view(w.seg.mn)
	c := w.opts.Catalog()
	for _, kind := range [...]string{"hj212_mn", "mn"} {
		if a, ok := c.ByExternal(kind, mn); ok {
			return a.ID
		}
	}
	return mn
}

func (w *decoding) run(received int64) {
	if w.seg.cn == cnHeartbeat {
		w.time = received
		w.begin(labels{})
		w.out.Value("device_last_seen_timestamp_seconds", float64(received)/1000)
		return
	}
	var wrong [][]byte
	w.fields, wrong = parseArea(w.seg.cp, w.fields)
	for _, item := range wrong {
		w.out.RefuseRaw(reading.ReasonSyntax, "want CODE-Rtd=VALUE or the like", item)
	}
	if !w.findTime(received) {
		return
	}
	for i := 0; i < len(w.fields); {
		end := i + 1
		for end < len(w.fields) && w.fields[end].kind != bare && bytes.EqualFold(w.fields[end].code, w.fields[i].code) {
			end++
		}
		if w.fields[i].kind == bare {
			w.bareWord(&w.fields[i])
			end = i + 1
		} else {
			w.pollutantValues(w.fields[i:end])
		}
		i = end
	}
}

// findTime takes DataTime: when the reading was made or, of values over a
// period, when the period began. A reading that says no time was made when it
// was sent.
func (w *decoding) findTime(received int64) bool {
	var given []byte
	for i := range w.fields {
		f := &w.fields[i]
		switch {
		case f.kind == flagged:
			w.scattered = true
		case f.kind != bare:
		case view(f.code) == "DataTime":
			given = f.value
		case view(f.code) == "PolId":
			w.pollutant = f.value
		}
	}
	var ok bool
	switch {
	case given != nil:
		if w.time, ok = parseTime(given, w.opts.Zone); !ok {
			w.out.RefuseRaw(reading.ReasonBadTimestamp, fmt.Sprintf("DataTime %q: want YYYYMMDDhhmmss", given), given)
			return false
		}
	case w.period != "":
		w.out.Refuse(reading.ReasonMissing, "no DataTime, which says when the period began")
		return false
	default:
		if w.time, ok = parseTime(w.seg.qn, w.opts.Zone); !ok {
			w.time = received
		}
	}
	return true
}

// view is for calls that do not keep the text.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// number accepts what a number looks like in every country and every year:
// digits, one point, a sign, an exponent.
func number(text []byte) (float64, bool) {
	if len(text) == 0 || len(text) > 40 {
		return 0, false
	}
	for _, c := range text {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(view(text), 64)
	return v, err == nil && !math.IsInf(v, 0)
}
