package plate

import (
	"bytes"
	"slices"
	"unicode/utf8"
	"unsafe"
)

// scan is one look through a text. It understands JSON, XML, forms and plain
// words well enough to find names and their values, also inside each other and
// in broken texts, where a parser would give up.
type scan struct {
	text []byte
	gbk  bool // the text is taken for GBK

	spans   []span
	learned learned
	// budget is how many characters may still be looked ahead at; it keeps the
	// time linear for texts that are made to be slow. Without it, what is open
	// goes to the end.
	budget int

	words words
	past  past
}

// span is a part of the text that goes. quote surrounds the mark where JSON
// wants a string.
type span struct {
	start, end int
	quote      []byte
}

// words are the last words before a place, as in `licence plate no: `.
type words struct {
	starts [3]int // the last one first
	n      int
	end    int
	spaces int // since end
}

func (w *words) add(i, n int) {
	if w.n > 0 && w.end == i {
		w.end = i + n
		return
	}
	if w.n > 0 && w.spaces == 1 {
		copy(w.starts[1:], w.starts[:])
		w.n = min(w.n+1, len(w.starts))
	} else {
		w.n = 1
	}
	w.starts[0], w.end, w.spaces = i, i+n, 0
}

// run finds what looks like a plate, and what stands behind the name of one.
func (s *scan) run() {
	s.words, s.past = words{}, past{}
	for i := 0; i < len(s.text); {
		if c := s.text[i]; isPlainWord(c) {
			s.words.add(i, 1)
			i++
			continue
		}
		u := s.at(i)
		if end := s.step(i, u); end > i {
			s.past.add(i, end, none)
			i = end
			s.words.n = 0
			continue
		}
		s.past.add(i, i+u.n, u.r)
		switch {
		case u.r >= utf8.RuneSelf || isPlainWord(byte(u.r)):
			s.words.add(i, u.n)
		case u.r == ' ':
			s.words.spaces++
		case u.r == '[', u.r == ']', u.r == '\t': // plate[] = …
			s.words.spaces += 2
		default:
			s.words.n = 0
		}
		i += u.n
	}
}

func isPlainWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// step looks at the character u at i. Where it has found something it returns
// its end.
func (s *scan) step(i int, u unit) int {
	switch {
	// What is inside of both is looked at as well.
	case u.r == '"' || u.r == '\'':
		s.quoted(i, u)
	case u.r == '<':
		s.element(i, u)
	case u.r == '=' || u.r == ':' || u.r == '：':
		return s.assigned(i, u)
	case u.r == ' ':
		return s.said(i, u)
	case u.r < utf8.RuneSelf:
	case isProvince(u.r):
		return s.removeParts(s.provincial(i))
	case u.r == '使' || u.r == 'ʹ': // in GBK, where its bytes happen to be UTF-8
		return s.remove(s.diplomatic(i))
	case u.r == '牌':
		return s.saidInChinese(i, u)
	case isMiddleDot(u.r):
		return s.remove(s.military(i))
	}
	return 0
}

// remove notes that text[start:end] goes, and returns the end.
func (s *scan) remove(start, end int) int {
	if end > start {
		s.spans = append(s.spans, span{start: start, end: end})
	}
	return end
}

// take removes the value at text[start:end] of something that is called a plate.
// It returns end, or 0 where there is nothing to remove.
func (s *scan) take(start, end int, c certainty, quote []byte) int {
	value := bytes.TrimSpace(s.text[start:end])
	if len(value) == 0 || string(value) == Mark || !c.fits(value) {
		return 0
	}
	s.learn(start, end)
	s.spans = append(s.spans, span{start: start, end: end, quote: quote})
	return end
}

// apply is the text without the spans.
func (s *scan) apply() []byte {
	slices.SortFunc(s.spans, func(a, b span) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	out := make([]byte, 0, len(s.text)+len(Mark))
	at := 0
	for _, sp := range s.spans {
		if sp.end <= at {
			continue
		}
		if sp.start < at { // the rest of one that began before
			at = sp.end
			continue
		}
		out = append(out, s.text[at:sp.start]...)
		out = append(append(append(out, sp.quote...), Mark...), sp.quote...)
		at = sp.end
	}
	return append(out, s.text[at:]...)
}

// view is only for what forgets the text at once.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
