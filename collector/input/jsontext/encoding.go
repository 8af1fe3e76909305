package jsontext

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/belfry-city/belfry/collector/reading"
)

// UTF8 returns body in UTF-8, without a byte order mark and without the NULs
// that some devices put behind a text. It is body itself, or a part of it,
// where nothing has to be translated. Text that is not in UTF-8 is taken for
// UTF-16 where it begins like that, and else for GB 18030; what is in none of
// them is an *Error.
func UTF8(body []byte) ([]byte, error) {
	if enc := wide(body); enc != nil {
		return translate(body, enc)
	}
	body = bytes.TrimRight(bytes.TrimPrefix(body, []byte("\ufeff")), "\x00")
	if utf8.Valid(body) {
		return body, nil
	}
	if at, broken := brokenUTF8(body); broken {
		if !utf8.FullRune(body[at:]) {
			return body[:at], nil // cut off there, which the tokenizer will say
		}
		return nil, newError(body, at, reading.ReasonInvalidUTF8, "", "the text is not valid UTF-8 from here on")
	}
	return translate(body, simplifiedchinese.GB18030)
}

// wide recognizes UTF-16 by its mark, or by a first character of which one byte
// is 0 (RFC 4627, section 3); nil means another encoding.
func wide(body []byte) encoding.Encoding {
	if len(body) < 2 {
		return nil
	}
	switch a, b := body[0], body[1]; {
	case a == 0xff && b == 0xfe, a != 0 && b == 0 && len(bytes.TrimRight(body, "\x00")) > 1:
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case a == 0xfe && b == 0xff, a == 0 && b != 0:
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	}
	return nil
}

func translate(body []byte, enc encoding.Encoding) ([]byte, error) {
	text, err := enc.NewDecoder().Bytes(body)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return nil, &Error{Reason: reading.ReasonInvalidUTF8, Text: "the text is neither in UTF-8 nor in GB 18030 (GBK)"}
	}
	return bytes.TrimRight(text, "\x00"), nil
}

// brokenUTF8 says whether body, which is not valid, was meant as UTF-8, and
// where the first fault is. Characters of three bytes and more, as Chinese has,
// are rare in GB 18030 by accident; where most of what is not ASCII is in them,
// it was.
func brokenUTF8(body []byte) (at int, broken bool) {
	at = -1
	good, bad := 0, 0
	for i := 0; i < len(body); {
		if body[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(body[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
			if at < 0 {
				at = i
			}
		case n >= 3:
			good += n
		}
		i += n
	}
	return at, good > bad || !utf8.FullRune(body[at:])
}
