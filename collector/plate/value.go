package plate

import (
	"bytes"
	"slices"
	"strings"
)

// quoted looks at the quote at i: whether the text behind it is the name of a
// plate, and then removes the value.
func (s *scan) quoted(i int, open unit) {
	start := i + open.n
	end, closed := s.closing(start, open, 4*longestKey)
	if !closed || end-start < 2 {
		return
	}
	c := s.key(start, end)
	if c == no {
		return
	}
	after := s.blank(end + s.at(end).n)
	switch u := s.at(after); {
	case u.r == ':':
		s.value(after+u.n, u, c, s.text[i:start])
	case u.r == '=' && s.at(after+u.n).r == '>':
		s.value(after+u.n+1, u, c, s.text[i:start])
	case c == sure && u.r == ',' && s.isFirst(i):
		s.pair(after + u.n)
	case c == sure:
		s.named(i)
	}
}

// isFirst says whether a list begins before the string at i.
func (s *scan) isFirst(i int) bool {
	before := bytes.TrimRight(s.text[:i], " \t\r\n\\")
	return len(before) > 0 && (before[len(before)-1] == '[' || before[len(before)-1] == '(')
}

// pair removes the value in ["plate", "…"].
func (s *scan) pair(i int) {
	i = s.blank(i)
	if u := s.at(i); u.r == '"' || u.r == '\'' {
		end, _ := s.closing(i+u.n, u, 4*longestKey)
		s.take(i+u.n, end, likely, nil)
	}
}

// closing finds the quote that closes what open has opened. Without one, closed
// is false and end is where the search has ended.
func (s *scan) closing(from int, open unit, most int) (end int, closed bool) {
	for i := from; i < len(s.text) && i-from <= most; {
		u := s.at(i)
		if u.r == open.r && u.level <= open.level {
			return i, u.level == open.level
		}
		i += u.n
	}
	return min(from+most, len(s.text)), false
}

// whole is a limit that no text reaches.
const whole = 1 << 40

func (s *scan) blank(i int) int {
	for {
		u := s.at(i)
		if u.r != ' ' && u.r != '\t' && u.r != '\n' && u.r != '\r' {
			return i
		}
		i += u.n
	}
}

// value removes the value of a plate behind the : or = that ends before i. quote
// is the quote around its name, "" where there is none.
func (s *scan) value(i int, delimiter unit, c certainty, quote []byte) int {
	i = s.blank(i)
	switch u := s.at(i); {
	case u.r == none:
		return 0
	case u.r == '"' || u.r == '\'':
		start := i + u.n
		end, _ := s.closing(start, u, whole)
		if s.take(start, end, c, nil) == 0 {
			return 0
		}
		return end + s.at(end).n
	case bytes.HasPrefix(s.text[i:], []byte(Mark)):
		return 0
	case (u.r == '{' || u.r == '[') && len(quote) > 0:
		if c != sure {
			return 0
		}
		end := s.balanced(i)
		s.learnInside(i, end)
		s.take(i, end, sure, quote)
		return 0 // what is inside may name it elsewhere
	case len(quote) > 0:
		end := i
		for u := s.at(end); isLiteral(u.r); u = s.at(end) {
			end += u.n
		}
		switch string(s.text[i:end]) {
		case "null", "true", "false":
			return 0
		}
		return s.take(i, end, c, quote)
	}
	end := s.token(i, delimiter.level)
	if !c.fits(bytes.TrimSpace(s.text[i:end])) {
		end = s.groups(i, c)
	}
	return s.take(i, end, c, nil)
}

func isLiteral(r rune) bool {
	c, _ := fold(r)
	return c != 0 || r == '.' || r == '+' || r == '-' || r == '_'
}

// balanced is the end of the object or list at i.
func (s *scan) balanced(i int) int {
	depth := 0
	for i < len(s.text) {
		u := s.at(i)
		s.budget--
		i += u.n
		switch u.r {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i
			}
		case '"':
			end, _ := s.closing(i, u, whole)
			s.budget -= end - i
			i = end + s.at(end).n
		}
		if s.budget < 0 {
			break
		}
	}
	return len(s.text)
}

// token is the end of a value without quotes. Groups of capitals and digits
// belong to it: KA 01 AB 1234.
func (s *scan) token(i, level int) int {
	for i < len(s.text) {
		u := s.at(i)
		switch {
		case u.r == '\\' && s.at(i+u.n).r == ' ': // line protocol
			i += u.n + 1
			continue
		case u.r == ' ' && s.isGroup(i+u.n):
		case ends(u.r) && u.level <= level:
			return i
		}
		i += u.n
	}
	return i
}

func ends(r rune) bool {
	switch r {
	case '&', ';', ',', ' ', '\t', '\r', '\n', '"', '\'', '<', '>', ')', '(', ']', '}', '|', '，', '；', '。', '、', '）':
		return true
	}
	return false
}

// formPart removes the part of a multipart form that is called a plate:
// name="plateNo", an empty line, the value, the next boundary.
func (s *scan) formPart(i int, equals unit) {
	w := &s.words
	if string(s.text[w.starts[0]:w.end]) != "name" {
		return
	}
	at := i + equals.n
	open := s.at(at)
	if open.r != '"' {
		return
	}
	end, closed := s.closing(at+open.n, open, 4*longestKey)
	if !closed || s.key(at+open.n, end) != sure || !bytes.Contains(s.text[max(0, w.starts[0]-64):i], []byte("form-data")) {
		return
	}
	rest := s.text[end:]
	head := bytes.Index(rest, []byte("\r\n\r\n"))
	skip := 4
	if head < 0 {
		head, skip = bytes.Index(rest, []byte("\n\n")), 2
	}
	if head < 0 {
		return
	}
	start := end + head + skip
	stop := len(s.text)
	if n := bytes.Index(s.text[start:], []byte("\n--")); n >= 0 {
		stop = start + n
	}
	s.take(start, stop, sure, nil)
}

// named looks at the string at i, which is the name of a plate but no key: in
// {"name": "licensePlate", "value": "…"} the value goes.
func (s *scan) named(i int) {
	key, from := s.keyBefore(i)
	if !names(key) {
		return
	}
	const most = 2048
	start, depth := from, 0
	for ; start >= 0 && from-start < most; start-- {
		switch s.text[start] {
		case '}':
			depth++
		case '{':
			depth--
		}
		if depth < 0 {
			break
		}
	}
	if depth >= 0 {
		return
	}
	s.siblings(start+1, isOne(key, "className"))
}

// siblings removes the values in the object whose first key is at i.
func (s *scan) siblings(i int, reference bool) {
	for i < len(s.text) && s.budget > 0 {
		u := s.at(i)
		s.budget--
		switch u.r {
		case '}':
			return
		case '{', '[':
			i = s.balanced(i)
			continue
		case '"', '\'':
			start := i + u.n
			end, _ := s.closing(start, u, whole)
			s.budget -= end - start
			after := s.blank(end + s.at(end).n)
			if colon := s.at(after); colon.r == ':' && holds(s.text[start:end], reference) {
				if end := s.value(after+colon.n, colon, sure, s.text[i:start]); end > 0 {
					i = end
					continue
				}
			}
			i = end + max(s.at(end).n, 1)
			continue
		}
		i += u.n
	}
}

// keyBefore is the key in front of the value at i, and where
// it begins.
func (s *scan) keyBefore(i int) ([]byte, int) {
	before := bytes.TrimRight(s.text[max(0, i-200):i], " \t\r\n")
	before, ok := bytes.CutSuffix(before, []byte(":"))
	if !ok {
		return nil, 0
	}
	before = bytes.TrimRight(before, " \t\r\n")
	if len(before) == 0 || before[len(before)-1] != '"' && before[len(before)-1] != '\'' {
		return nil, 0
	}
	quote := before[len(before)-1]
	before = bytes.TrimRight(before[:len(before)-1], `\`)
	at := bytes.LastIndexByte(before, quote)
	if at < 0 {
		return nil, 0
	}
	return before[at+1:], max(0, i-200) + at
}

// names says whether something called key names what stands beside it.
func names(key []byte) bool {
	return isOne(key, "k", "n", "description", "attribute", "attr", "property", "code", "param", "id") ||
		endsIn(key, "name", "key", "label", "field", "type", "title")
}

func endsIn(word []byte, of ...string) bool {
	return slices.ContainsFunc(of, func(end string) bool {
		return len(word) >= len(end) && strings.EqualFold(view(word[len(word)-len(end):]), end)
	})
}

// isOne compares without regard to capitals.
func isOne(word []byte, of ...string) bool {
	return slices.ContainsFunc(of, func(w string) bool { return strings.EqualFold(view(word), w) })
}

// holds says whether something called key holds what is named beside it.
func holds(key []byte, reference bool) bool {
	return isOne(key, "val", "vals", "v", "content", "string", "number", "identifier", "ocr") ||
		endsIn(key, "value", "values", "text", "result", "results") ||
		reference && isOne(key, "id")
}
