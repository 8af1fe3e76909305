package camera

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

const (
	// maxDepth and maxElements bound a document, as jsontext bounds JSON.
	maxDepth    = 64
	maxElements = 100_000
)

// badMessage is why a text could not be read.
type badMessage struct {
	reason reading.Reason
	text   string
}

func (e *badMessage) Error() string { return e.text }

func bad(reason reading.Reason, format string, args ...any) error {
	return &badMessage{reason, fmt.Sprintf(format, args...)}
}

// refuse refuses raw for what err says.
func refuse(out *sink, err error, raw []byte) {
	raw = withoutPasswords(raw)
	var b *badMessage
	if errors.As(err, &b) {
		out.RefuseRaw(b.reason, string(withoutPasswords([]byte(b.text))), raw)
		return
	}
	jsontext.Refuse(out.Builder, err, raw)
}

var declaredEncoding = regexp.MustCompile(`^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)

// xmlUTF8 returns a document in UTF-8. Cameras in China send GBK, with or
// without saying so; some say UTF-8 and send GBK. charset is what surrounds the
// text says, and may be empty.
func xmlUTF8(text []byte, charset string) ([]byte, error) {
	head := text[:min(len(text), 200)]
	if m := declaredEncoding.FindSubmatch(head); m != nil {
		charset = string(m[1])
	}
	if enc := chinese(charset); enc != nil {
		if plainText, err := enc.NewDecoder().Bytes(text); err == nil && !bytes.ContainsRune(plainText, '\ufffd') {
			return plainText, nil
		}
	}
	utf8, err := jsontext.UTF8(text)
	if err != nil {
		return nil, bad(reading.ReasonInvalidUTF8, "the text is neither in UTF-8 nor in GB 18030 (GBK)")
	}
	return utf8, nil
}

// chinese returns the encoding of a name where it is one of China's.
func chinese(charset string) encoding.Encoding {
	switch strings.ToLower(charset) {
	case "gbk", "gb2312", "gb18030", "gb-2312", "gb_2312-80", "cp936", "x-gbk":
		return simplifiedchinese.GB18030
	case "big5", "hz-gb-2312":
		enc, _ := ianaindex.IANA.Encoding(charset)
		return enc
	}
	return nil
}

func newXML(text []byte) *xml.Decoder {
	dec := xml.NewDecoder(bytes.NewReader(text))
	// The text is in UTF-8 already, whatever it says of itself.
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return dec
}

// document is one root element.
type document struct {
	name  string
	value any // as jsontext.Decode makes it of the same in JSON
	raw   []byte
}

// eachXML calls yield for each root element of text, which is UTF-8. A broken
// one ends it.
func eachXML(text []byte, yield func(document, error)) {
	dec := newXML(text)
	elements, found := 0, false
	for {
		from := int(dec.InputOffset())
		t, err := dec.Token()
		if errors.Is(err, io.EOF) {
			if !found {
				yield(document{}, bad(reading.ReasonMissing, "the message is empty"))
			}
			return
		}
		if err == nil {
			err = unfit(t)
		}
		if err != nil {
			yield(document{raw: text[from:]}, xmlError(dec, err))
			return
		}
		start, is := t.(xml.StartElement)
		if !is {
			continue
		}
		found = true
		v, err := element(dec, 1, &elements)
		if err != nil {
			yield(document{raw: text[from:]}, xmlError(dec, err))
			return
		}
		yield(document{start.Name.Local, v, text[from:dec.InputOffset()]}, nil)
	}
}

// unfit refuses what a message of a camera has no use for: text outside of
// elements, and the declarations with which entities are blown up.
func unfit(t xml.Token) error {
	switch t := t.(type) {
	case xml.Directive:
		return bad(reading.ReasonUnsupported, "the XML has a DOCTYPE or declares entities, which is not taken here")
	case xml.CharData:
		if text := bytes.TrimSpace(t); len(text) > 0 {
			return bad(reading.ReasonSyntax, "text outside of an element: %q", text[:min(len(text), 40)])
		}
	}
	return nil
}

func xmlError(dec *xml.Decoder, err error) error {
	var known *badMessage
	if errors.As(err, &known) {
		return err
	}
	line, column := dec.InputPos()
	text := strings.TrimPrefix(err.Error(), "XML syntax error on ")
	if errors.Is(err, io.EOF) || strings.HasSuffix(text, "unexpected EOF") {
		text = "it ends in the middle"
	}
	if _, after, found := strings.Cut(text, ": "); found && strings.HasPrefix(text, "line ") {
		text = after
	}
	return bad(reading.ReasonSyntax, "line %d, column %d: no XML: %s", line, column, text)
}

// element reads what follows a start element. An element with elements inside
// is a map, those of one name are a list; any other is text. Attributes say
// nothing in these messages.
func element(dec *xml.Decoder, depth int, elements *int) (any, error) {
	if depth > maxDepth {
		return nil, bad(reading.ReasonTooDeep, "nested more than %d levels deep", maxDepth)
	}
	if *elements++; *elements > maxElements {
		return nil, bad(reading.ReasonTooLarge, "more than %d elements in one message", maxElements)
	}
	var text []byte
	var inner map[string]any
	for {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			v, err := element(dec, depth+1, elements)
			if err != nil {
				return nil, err
			}
			if inner == nil {
				inner = map[string]any{}
			}
			add(inner, t.Name.Local, v)
		case xml.EndElement:
			if inner != nil {
				return inner, nil
			}
			return string(bytes.TrimSpace(text)), nil
		case xml.CharData:
			text = append(text, t...)
		case xml.Directive:
			return nil, unfit(t)
		}
	}
}

// repeated are several elements of one name.
type repeated = []any

func add(to map[string]any, name string, v any) {
	switch old := to[name].(type) {
	case nil:
		to[name] = v
	case repeated:
		to[name] = append(old, v)
	default:
		to[name] = repeated{old, v}
	}
}
