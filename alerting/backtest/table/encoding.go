package table

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// decode makes UTF-8 of what a file holds, unzipped where it is gzip. name is the encoding, "" for what it looks like.
func decode(in io.Reader, name string) (*source, error) {
	s := newSource(in)
	if start, _ := s.text.Peek(2); bytes.Equal(start, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(s.text)
		if err != nil {
			return nil, fmt.Errorf("begins as gzip does, but %w", err)
		}
		s.through(unzipped)
	}
	start, err := s.peek()
	if err := hopeless(start, err); err != nil {
		return nil, err
	}
	if what := foreign(start); what != "" {
		return nil, fmt.Errorf("is %s, not CSV; save it as CSV, in UTF-8", what)
	}
	var from encoding.Encoding
	if name == "" {
		from, s.encoding = detect(start, errors.Is(err, io.EOF))
	} else if from, err = named(name); err != nil {
		return nil, err
	}
	const beginning = 512
	if name == "" && !strings.HasPrefix(s.encoding, "utf-16") && bytes.IndexByte(start[:min(len(start), beginning)], 0) >= 0 {
		return nil, errors.New("has bytes that no text has; want CSV")
	}
	if from == nil {
		if bytes.HasPrefix(start, []byte("\xef\xbb\xbf")) {
			_, _ = s.text.Discard(3)
		}
		return s, nil
	}
	// A mark at the beginning overrules the encoding, and is taken off.
	s.through(transform.NewReader(s.text, unicode.BOMOverride(from.NewDecoder())))
	return s, nil
}

// hopeless is the error of a file that cannot be read at all. One that cannot be read to its end, such as cut gzip, is read as far as it
// goes, unless somebody wants it to end.
func hopeless(start []byte, err error) error {
	if err == nil || errors.Is(err, io.EOF) || len(start) > 0 && !errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("cannot be read: %w", explained(err))
}

// explained says what to do about an error of reading.
func explained(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the gzip file is cut short; fetch it again", err)
	}
	return err
}

// newlines makes lines of what has returns alone, as old Macs write them.
type newlines struct{ in io.Reader }

func (n newlines) Read(p []byte) (int, error) {
	length, err := n.in.Read(p)
	for i, b := range p[:length] {
		if b == '\r' {
			p[i] = '\n'
		}
	}
	return length, err
}

// named finds an encoding by any of its usual names; nil is UTF-8.
func named(name string) (encoding.Encoding, error) {
	from, err := htmlindex.Get(name)
	if err != nil {
		return nil, fmt.Errorf("--encoding: want utf-8, gb18030, gbk, utf-16le, utf-16be, big5, windows-1252, or another name that browsers know; got %q", name)
	}
	if from == unicode.UTF8 {
		return nil, nil
	}
	return from, nil
}

// foreign names a format that people take for CSV.
func foreign(start []byte) string {
	for _, known := range []struct{ magic, what string }{
		{"PK\x03\x04", "a workbook of a spreadsheet, or another ZIP file"},
		{"\xd0\xcf\x11\xe0", "an old Excel workbook"},
		{"PAR1", "Parquet"},
		{"\x28\xb5\x2f\xfd", "compressed by zstd"},
		{"BZh", "compressed by bzip2"},
		{"\xfd7zXZ", "compressed by xz"},
	} {
		if bytes.HasPrefix(start, []byte(known.magic)) {
			return known.what
		}
	}
	return ""
}

// detect judges an encoding by the beginning of a file, which may be all of it. nil is UTF-8. UTF-8 that is no mistake is
// hardly anything else; of two others, GB18030 has its bytes beyond ASCII in pairs.
func detect(start []byte, whole bool) (encoding.Encoding, string) {
	switch {
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "utf-16le"
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "utf-16be"
	}
	var zeros [2]int
	for i, b := range start {
		if b == 0 {
			zeros[i%2]++
		}
	}
	switch enough := len(start) / 4; {
	case zeros[1] > enough && zeros[0] < enough/8+1:
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le"
	case zeros[0] > enough && zeros[1] < enough/8+1:
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "utf-16be"
	}
	if validUTF8(start, whole) {
		return nil, ""
	}
	pairs, singles := 0, 0
	for i := 0; i < len(start); i++ {
		switch {
		case start[i] < 0x80:
		case i+1 < len(start) && start[i+1] >= 0x80:
			pairs++
			i++
		default:
			singles++
		}
	}
	if singles > pairs {
		return charmap.Windows1252, "windows-1252"
	}
	return simplifiedchinese.GB18030, "gb18030"
}

// validUTF8 tells whether text is UTF-8; at its end a character may be cut where it is not the whole.
func validUTF8(text []byte, whole bool) bool {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 {
			return !whole && !utf8.FullRune(text)
		}
		text = text[n:]
	}
	return true
}
