package plate

import (
	"bytes"
	"unicode/utf8"
)

// unit is one character of a text, however it is spelled there.
type unit struct {
	r     rune
	n     int // bytes
	level int // how deeply it is escaped; 0: it stands for itself
}

// none is behind the end of the text.
const none rune = -1

// at is the character at i: itself, or what an escape there stands for. Escapes
// may be those of JSON in JSON in JSON, of XML, of URLs, and of Go's %q.
func (s *scan) at(i int) unit {
	if i >= len(s.text) {
		return unit{r: none}
	}
	switch c := s.text[i]; {
	case c == '\\':
		return s.backslash(i)
	case c == '&':
		return s.entity(i)
	case c == '%':
		return s.percent(i)
	case c < utf8.RuneSelf:
		return unit{r: rune(c), n: 1}
	}
	return s.wide(s.text[i:])
}

// past is what run has last gone by, except for letters and digits that stand
// for themselves: an escape cannot be told from behind.
type past struct {
	units [16]passed
	n     int
}

type passed struct {
	start, end int
	r          rune
}

func (p *past) add(start, end int, r rune) {
	p.units[p.n%len(p.units)] = passed{start, end, r}
	p.n++
}

// before is the character that ends at i, and where it begins. It is for places
// where run is, and a few characters before them.
func (s *scan) before(i int) (r rune, start int) {
	if i <= 0 {
		return none, 0
	}
	for k := 1; k <= min(s.past.n, len(s.past.units)); k++ {
		p := &s.past.units[(s.past.n-k)%len(s.past.units)]
		if p.end == i {
			return p.r, p.start
		}
		if p.end < i {
			break
		}
	}
	return rune(s.text[i-1]), i - 1
}

func (s *scan) wide(text []byte) unit {
	if s.gbk {
		r, n := decodeGBK(text)
		return unit{r: r, n: n}
	}
	r, n := utf8.DecodeRune(text)
	return unit{r: r, n: n}
}

// backslash decodes \u6e1d, \", \n, \xe6 with any number of backslashes.
func (s *scan) backslash(i int) unit {
	j := i
	for j < len(s.text) && s.text[j] == '\\' {
		j++
	}
	k := j - i
	if j == len(s.text) {
		return unit{r: '\\', n: k}
	}
	switch c := s.text[j]; c {
	case 'u':
		if v, ok := hex(s.text, j+1, 4); ok {
			return unit{r: rune(v), n: k + 5, level: k}
		}
	case 'x':
		if u, ok := s.escaped(i, s.text[i:j+1]); ok {
			u.level = k
			return u
		}
	case '"', '\'':
		if k%2 == 1 { // or the backslashes escape each other
			return unit{r: rune(c), n: k + 1, level: k}
		}
	case '/':
		return unit{r: '/', n: k + 1, level: k}
	case 'n', 'r':
		return unit{r: '\n', n: k + 1, level: k}
	case 't':
		return unit{r: '\t', n: k + 1, level: k}
	}
	return unit{r: '\\', n: k}
}

// percent decodes %E6%B8%9D and %D3%E5, also where the % are escaped again.
func (s *scan) percent(i int) unit {
	j := i + 1
	for j+4 <= len(s.text) && s.text[j] == '2' && s.text[j+1] == '5' {
		if _, ok := hex(s.text, j+2, 2); !ok {
			break
		}
		j += 2
	}
	if u, ok := s.escaped(i, s.text[i:j]); ok {
		u.level = 1
		return u
	}
	return unit{r: '%', n: 1}
}

// escaped decodes the bytes that begin at i and are each written as prefix and
// two hexadecimal digits.
func (s *scan) escaped(i int, prefix []byte) (unit, bool) {
	var raw [utf8.UTFMax]byte
	size := len(prefix) + 2
	n, at := 0, i
	for n < len(raw) && bytes.HasPrefix(s.text[min(at, len(s.text)):], prefix) {
		v, ok := hex(s.text, at+len(prefix), 2)
		if !ok || n > 0 && raw[0] < utf8.RuneSelf {
			break
		}
		raw[n] = byte(v)
		n, at = n+1, at+size
	}
	if n == 0 {
		return unit{}, false
	}
	if raw[0] < utf8.RuneSelf {
		return unit{r: rune(raw[0]), n: size}, true
	}
	if r, k := utf8.DecodeRune(raw[:n]); k > 2 || k == 2 && !isGBKProvince(raw[0], raw[1]) {
		return unit{r: r, n: k * size}, true
	}
	if n == 1 && at < len(s.text) && s.text[at] >= 0x40 && s.text[at] < 0x7f { // the second byte needs no escape
		r, _ := decodeGBK([]byte{raw[0], s.text[at]})
		return unit{r: r, n: size + 1}, true
	}
	r, k := decodeGBK(raw[:n])
	return unit{r: r, n: k * size}, true
}

// entity decodes &#28189; &#x6e1d; &lt; and the like, also behind &amp;.
func (s *scan) entity(i int) unit {
	j := i + 1
	for bytes.HasPrefix(s.text[j:], []byte("amp;")) {
		j += 4
	}
	level := 1 + (j-i-1)/4
	rest := s.text[j:min(len(s.text), j+10)]
	end := bytes.IndexByte(rest, ';')
	if end > 0 {
		if r, ok := entityRune(rest[:end]); ok {
			return unit{r: r, n: j - i + end + 1, level: level}
		}
	}
	return unit{r: '&', n: j - i, level: level - 1}
}

func entityRune(name []byte) (rune, bool) {
	if name[0] == '#' {
		base, digits := rune(10), name[1:]
		if len(digits) > 0 && (digits[0] == 'x' || digits[0] == 'X') {
			base, digits = 16, digits[1:]
		}
		r := rune(0)
		for _, c := range digits {
			d := digit(c)
			if d < 0 || rune(d) >= base || r > utf8.MaxRune {
				return 0, false
			}
			r = r*base + rune(d)
		}
		return r, len(digits) > 0
	}
	switch string(name) {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	case "nbsp":
		return ' ', true
	case "middot":
		return '·', true
	}
	return 0, false
}

// hex reads n hexadecimal digits at i.
func hex(text []byte, i, n int) (v int, ok bool) {
	if i+n > len(text) {
		return 0, false
	}
	for _, c := range text[i : i+n] {
		d := digit(c)
		if d < 0 {
			return 0, false
		}
		v = v<<4 | d
	}
	return v, true
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
