package plate

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"

	"github.com/belfry-city/belfry/collector/reading"
)

// Mark stands where a plate was.
const Mark = "[removed]"

// Redactor removes number plates. It has no state and is safe for concurrent
// use.
type Redactor struct{}

// Text returns text without plates: text itself where there are none, otherwise
// a copy with Mark in the place of each. JSON and XML stay well-formed. around
// are labels of the message that text is of; a plate that they name is also
// found in it.
func (r Redactor) Text(text []byte, around ...reading.Label) []byte {
	if len(around) == 0 {
		return r.text(text, nil)
	}
	named := namedBy(around)
	return r.text(text, &named)
}

// Label returns the value of a label to store: nothing where the name says that
// it is a plate, otherwise the value without plates.
func (r Redactor) Label(name, value []byte) []byte { return r.label(name, value, nil) }

func (r Redactor) label(name, value []byte, named *learned) []byte {
	c := labelName(name)
	if c >= maybe && c.fits(value) {
		return nil
	}
	kept := r.text(value, named)
	if c >= maybe && string(kept) == Mark {
		return nil
	}
	return kept
}

func labelName(name []byte) certainty {
	s := scan{text: name}
	return s.name(0, len(name))
}

// Labels returns the labels of one series to store, in the memory of labels:
// without those that are plates by their name, or have one as their name, and
// with values without plates. A plate that one of them names is also found in
// the others. With an error, which does not repeat it, the asset or its car
// park has the name of a plate: two of them must not become one that is called
// Mark.
func (r Redactor) Labels(labels []reading.Label) ([]reading.Label, error) {
	named := namedBy(labels)
	kept := labels[:0]
	for _, l := range labels {
		value := r.label(l.Name, l.Value, &named)
		if identifies(l.Name) && !bytes.Equal(value, l.Value) {
			return labels[:0], fmt.Errorf("the label %s looks like a number plate, and plates are not kept; give it another value, for example one with more or fewer digits", l.Name)
		}
		if l.Value = value; len(value) > 0 && bytes.Equal(l.Name, r.text(l.Name, &named)) {
			kept = append(kept, l)
		}
	}
	return kept, nil
}

func identifies(label []byte) bool { return string(label) == "asset" || string(label) == "lot" }

// namedBy are the plates that labels name.
func namedBy(labels []reading.Label) (named learned) {
	for _, l := range labels {
		if c := labelName(l.Name); c >= maybe && c.fits(l.Value) {
			s := scan{text: l.Value, learned: named}
			s.learn(0, len(l.Value))
			named = s.learned
		}
	}
	return named
}

// Event removes plates from all texts of an event. A plate that the message, or
// one of its labels, names, of whatever country, is also found in the names of
// its pictures.
func (r Redactor) Event(e *reading.Event, around ...reading.Label) { r.EventOf(e, nil, around...) }

// EventOf is Event for one whose Raw does not name the plate any more: message is
// where it came from.
func (r Redactor) EventOf(e *reading.Event, message []byte, around ...reading.Label) {
	named := namedBy(around)
	if len(message) > 0 {
		r.text(message, &named)
	}
	e.Raw = r.text(e.Raw, &named)
	for _, field := range []*string{&e.ID, &e.Asset, &e.VendorKind, &e.Vendor, &e.Description, &e.Snapshot} {
		before := []byte(*field)
		if after := r.text(before, &named); !bytes.Equal(before, after) {
			*field = string(after)
		}
	}
}

func (r Redactor) text(text []byte, named *learned) []byte {
	if wide := fromUTF16(text); wide != nil {
		if plain := r.text(wide, named); !bytes.Equal(plain, wide) {
			return plain
		}
	}
	s := scan{text: text, budget: 8*len(text) + 4096}
	if named != nil {
		s.learned = *named
	}
	s.run()
	if !validUTF8(text) {
		s.gbk = true
		s.run()
	}
	s.table()
	s.findLearned()
	if named != nil {
		*named = s.learned
	}
	if len(s.spans) == 0 {
		return text
	}
	return keepForm(text, s.apply())
}

// validUTF8 also holds for text that was cut off in the middle of a character.
func validUTF8(text []byte) bool {
	for cut := 1; cut < utf8.UTFMax && cut <= len(text); cut++ {
		if tail := text[len(text)-cut:]; tail[0] >= utf8.RuneSelf && !utf8.FullRune(tail) {
			text = text[:len(text)-cut]
			break
		}
	}
	return utf8.Valid(text)
}

// fromUTF16 translates text that begins as UTF-16 does: with its mark, or with
// a character of ASCII. Other text gives nil.
func fromUTF16(text []byte) []byte {
	order := unicode.LittleEndian
	switch {
	case len(text) < 4:
		return nil
	case text[0] == 0xff && text[1] == 0xfe, text[0] != 0 && text[1] == 0 && text[2] != 0 && text[3] == 0:
	case text[0] == 0xfe && text[1] == 0xff, text[0] == 0 && text[1] != 0 && text[2] == 0 && text[3] != 0:
		order = unicode.BigEndian
	default:
		return nil
	}
	plain, err := unicode.UTF16(order, unicode.UseBOM).NewDecoder().Bytes(text)
	if err != nil {
		return nil
	}
	return plain
}

// keepForm is a last resort: where text was well-formed and what was made of it
// is not, all of it is left out.
func keepForm(text, redacted []byte) []byte {
	switch first := bytes.TrimLeft(text, " \t\r\n"); {
	case len(first) == 0:
	case first[0] == '<':
		if wellFormed(text) && !wellFormed(redacted) {
			return []byte("<removed/>")
		}
	case json.Valid(text) && !json.Valid(redacted):
		return []byte(`"` + Mark + `"`)
	}
	return redacted
}

func wellFormed(text []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		if _, err := d.RawToken(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}
