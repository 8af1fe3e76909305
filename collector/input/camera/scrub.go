package camera

import (
	"bytes"
	"encoding/xml"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/belfry-city/belfry/collector/plate"
)

// removed stands where something was left out.
const removed = "(removed)"

// scrubber copies a message without what must not be kept.
type scrubber struct {
	in, out []byte
	kept    int // how much of in is in out
	// private says which fields to leave out, besides those of plates.
	private func(name string) bool
}

func (s *scrubber) hides(name string) bool {
	return plateKey(name) || s.private != nil && s.private(name)
}

// replace puts text in the place of in[from:to].
func (s *scrubber) replace(from, to int, text string) {
	if from < s.kept || to < from {
		return
	}
	s.out = append(append(s.out, s.in[s.kept:from]...), text...)
	s.kept = to
}

func (s *scrubber) done() []byte {
	text := s.in
	if s.kept > 0 {
		text = append(s.out, s.in[s.kept:]...)
	}
	return plate.Redactor{}.Text(withoutPasswords(text))
}

// scrubJSON returns text, which must be JSON, without plates, pictures and
// what private names. Where it cannot be read to its end, what has not been
// read is left out.
func scrubJSON(text []byte, private func(name string) bool) []byte {
	s := &scrubber{in: text, private: private}
	dec := jsontext.NewDecoder(bytes.NewBuffer(text[:len(text):len(text)]),
		jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	for more := true; more; {
		more = s.token(dec) == nil
	}
	if at := int(dec.InputOffset()); len(bytes.TrimSpace(text[at:])) > 0 {
		s.replace(at, len(text), "")
	}
	return s.done()
}

func (s *scrubber) token(dec *jsontext.Decoder) error {
	within, n := dec.StackIndex(dec.StackDepth())
	isName := within == '{' && n%2 == 0
	if dec.PeekKind() != '"' {
		_, err := dec.ReadToken()
		return err
	}
	if !isName {
		v, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if text, _ := jsontext.AppendUnquote(nil, v); embedded(string(text)) {
			s.replaceValue(dec, v)
		}
		return nil
	}
	name, err := dec.ReadToken()
	if err != nil || !s.hides(name.String()) {
		return err
	}
	v, err := dec.ReadValue()
	if err == nil {
		s.replaceValue(dec, v)
	}
	return err
}

func (s *scrubber) replaceValue(dec *jsontext.Decoder, v jsontext.Value) {
	end := int(dec.InputOffset())
	s.replace(end-len(v), end, `"`+removed+`"`)
}

// scrubXML is scrubJSON for a document in XML.
func scrubXML(text []byte) []byte {
	s := &scrubber{in: text}
	dec := newXML(text)
	depth, hidden, from := 0, 0, 0
	for {
		before := int(dec.InputOffset())
		t, err := dec.Token()
		if err != nil {
			break
		}
		at := int(dec.InputOffset())
		switch t := t.(type) {
		case xml.StartElement:
			depth++
			if hidden == 0 && s.hides(t.Name.Local) {
				hidden, from = depth, at
			}
			if hidden == 0 {
				s.attributes(t, before, at)
			}
		case xml.EndElement:
			if hidden == depth {
				s.replace(from, before, "")
				hidden = 0
			}
			depth--
		case xml.CharData:
			if hidden == 0 && embedded(string(bytes.TrimSpace(t))) {
				s.replace(before, at, removed)
			}
		case xml.Comment:
			if hidden == 0 {
				s.replace(before, at, "")
			}
		case xml.ProcInst:
			if hidden == 0 && t.Target != "xml" {
				s.replace(before, at, "")
			}
		}
	}
	if at := int(dec.InputOffset()); hidden > 0 {
		s.replace(from, len(text), "")
	} else if len(bytes.TrimSpace(text[at:])) > 0 {
		s.replace(at, len(text), "")
	}
	return s.done()
}

// attributes leaves out those of an element where one of them is a plate.
func (s *scrubber) attributes(t xml.StartElement, from, to int) {
	for _, a := range t.Attr {
		if s.hides(a.Name.Local) || embedded(a.Value) {
			end := ">"
			if bytes.HasSuffix(s.in[from:to], []byte("/>")) {
				end = "/>"
			}
			s.replace(from, to, "<"+t.Name.Local+end)
			return
		}
	}
}
