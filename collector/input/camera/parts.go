package camera

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

// maxParts bounds the parts of one multipart message. Cameras send an event
// with a handful of pictures.
const maxParts = 100

// picture is one that came with a message.
type picture struct {
	name, contentType string
	data              []byte
	tooLarge          bool
}

// section is a text of a message, and the pictures that belong to it.
type section struct {
	text     []byte
	charset  string
	form     map[string]any // the fields of a form, instead of text
	pictures []picture
}

// message is what arrived, taken apart.
type message struct {
	sections []section
	// problems are what is wrong with the message around the texts.
	problems []error
}

var looseBoundary = regexp.MustCompile(`(?i)boundary\s*=\s*"?([^\s";,]+)`)

// takeApart finds the texts and pictures of m. What a text is it says itself:
// devices send XML as application/x-www-form-urlencoded, and JSON as text/html.
func takeApart(m *input.Message, maxPicture int) message {
	media, params, err := mime.ParseMediaType(m.ContentType)
	if err != nil { // "multipart/form-data, boundary=X" is sent as well
		media, _, _ = strings.Cut(strings.ToLower(m.ContentType), ",")
		media = strings.TrimSpace(strings.Split(media, ";")[0])
		if b := looseBoundary.FindStringSubmatch(m.ContentType); b != nil {
			params = map[string]string{"boundary": b[1]}
		}
	}
	boundary, named := params["boundary"], strings.HasPrefix(media, "multipart/")
	if boundary == "" {
		boundary = firstBoundary(m.Body)
	} else if !named {
		boundary = ""
	}
	if boundary != "" {
		return takePartsApart(m.Body, boundary, maxPicture)
	}
	if named {
		return message{problems: []error{bad(reading.ReasonSyntax, "the message is %s, but names no boundary between its parts, nor has one", media)}}
	}
	if media == "application/x-www-form-urlencoded" && !looksLikeText(m.Body) {
		if form, err := url.ParseQuery(string(m.Body)); err == nil && len(form) > 0 {
			fields := map[string]any{}
			for name, values := range form {
				fields[utf8Text(name)] = utf8Text(values[len(values)-1])
			}
			return message{sections: []section{{form: fields}}}
		}
	}
	if isPicture(m.Body) {
		return message{problems: []error{bad(reading.ReasonUnsupported, "a picture alone, without a message that says what it shows")}}
	}
	return message{sections: []section{{text: m.Body, charset: params["charset"]}}}
}

// utf8Text translates a field of a form that is in GBK.
func utf8Text(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	if translated, err := jsontext.UTF8([]byte(text)); err == nil {
		return string(translated)
	}
	return strings.ToValidUTF8(text, "\ufffd")
}

// firstBoundary finds out whether body is multipart although nothing says so:
// its first line is a boundary, and a header follows.
func firstBoundary(body []byte) string {
	head := bytes.TrimLeft(body[:min(len(body), 1024)], "\r\n")
	line, rest, found := bytes.Cut(head, []byte("\n"))
	line = bytes.TrimRight(line, "\r ")
	if !found || !bytes.HasPrefix(line, []byte("--")) || len(line) < 3 || len(line) > 72 ||
		!bytes.HasPrefix(bytes.ToLower(rest), []byte("content-")) {
		return ""
	}
	return string(line[2:])
}

func takePartsApart(body []byte, boundary string, maxPicture int) (m message) {
	in := multipart.NewReader(bytes.NewReader(body), boundary)
	form := map[string]any{}
	var early []picture // before the first text
	for n := 0; ; n++ {
		part, err := in.NextRawPart()
		if err != nil {
			if n == 0 {
				m.problems = append(m.problems, bad(reading.ReasonSyntax, "no part begins with the boundary %q", boundary))
			} else if !errors.Is(err, io.EOF) && !strings.HasSuffix(err.Error(), "EOF") {
				m.problems = append(m.problems, bad(reading.ReasonSyntax, "after part %d: %v", n, err))
			}
			break
		}
		if n == maxParts {
			m.problems = append(m.problems, bad(reading.ReasonTooLarge, "more than %d parts; the rest is not taken", maxParts))
			break
		}
		data, tooLarge, err := readPart(part, maxPicture)
		whole := err == nil || wholePicture(data)
		switch {
		case isPicture(data) || pictureHeader(part.Header) && !looksLikeText(data):
			if !whole {
				m.problems = append(m.problems, bad(reading.ReasonIncomplete, "part %d, a picture, is cut off; the event is taken without it", n+1))
				continue
			}
			p := picture{name: part.FormName() + " " + part.FileName(), contentType: pictureType(data), data: data, tooLarge: tooLarge}
			if last := len(m.sections) - 1; last >= 0 {
				m.sections[last].pictures = append(m.sections[last].pictures, p)
			} else {
				early = append(early, p)
			}
		case looksLikeText(data):
			_, params, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
			m.sections = append(m.sections, section{text: data, charset: params["charset"], pictures: early})
			early = nil
		case part.FormName() != "":
			form[utf8Text(part.FormName())] = utf8Text(string(data))
		}
	}
	if len(m.sections) == 0 && len(form) > 0 {
		m.sections = []section{{form: form, pictures: early}}
	}
	if len(m.sections) == 0 && len(m.problems) == 0 {
		m.problems = append(m.problems, bad(reading.ReasonMissing, "no part is a message in XML or JSON"))
	}
	return m
}

// readPart reads texts whole, and of pictures no more than fits.
func readPart(part *multipart.Part, maxPicture int) (data []byte, tooLarge bool, err error) {
	head := make([]byte, 512)
	n, err := io.ReadFull(part, head)
	data = head[:n]
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && n < len(head):
		// The part ends within its head; whether it has an end of its own is
		// asked once more.
		_, err = part.Read(make([]byte, 1))
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return data, false, err
	case err != nil:
		return data, false, err
	}
	if !isPicture(data) {
		rest, err := io.ReadAll(part)
		return append(data, rest...), false, err
	}
	rest, err := io.ReadAll(io.LimitReader(part, int64(max(maxPicture-n, 0)+1)))
	if err != nil {
		return append(data, rest...), false, err
	}
	beyond, err := io.Copy(io.Discard, part)
	data = append(data, rest...)
	return data, beyond > 0 || len(data) > maxPicture, err
}

func isPicture(data []byte) bool { return pictureType(data) != "" }

// pictureType is that of a picture as browsers show it, or "".
func pictureType(data []byte) string {
	switch t := http.DetectContentType(data[:min(len(data), 512)]); t {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
		return t
	}
	return ""
}

func pictureHeader(h textproto.MIMEHeader) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "image/")
}

// wholePicture says whether a JPEG or PNG has its end.
func wholePicture(data []byte) bool {
	data = bytes.TrimRight(data, "\r\n")
	return bytes.HasSuffix(data, []byte{0xff, 0xd9}) || bytes.HasSuffix(data, []byte("IEND\xaeB`\x82"))
}

// looksLikeText says whether data begins as XML or JSON do, in any encoding.
func looksLikeText(data []byte) bool {
	data = bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\ufeff")), " \t\r\n\x00")
	if len(data) == 0 {
		return false
	}
	return data[0] == '<' || data[0] == '{' || data[0] == '[' || bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff})
}

// documents calls yield for each message in the texts.
func (s *section) documents(yield func(document, error)) {
	if s.form != nil {
		raw, _ := json.Marshal(s.form) // of text by text, which always succeeds
		yield(document{value: s.form, raw: raw}, nil)
		return
	}
	text, err := xmlUTF8(s.text, s.charset)
	if err != nil {
		yield(document{raw: s.text}, err)
		return
	}
	if bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("<")) {
		eachXML(text, yield)
		return
	}
	jsontext.Each(text, func(p jsontext.Part) bool {
		yield(document{value: p.Value, raw: p.Raw}, p.Err)
		return true
	})
}
