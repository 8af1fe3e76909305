package plate

import (
	"bytes"
	"unicode"
)

const (
	// longestLearned is the most letters and digits of a plate.
	longestLearned = 16
	// longestValue is how many bytes they may take, with gaps and escapes.
	longestValue = 256
)

// learned are plates that a message named, so that they are also found where
// nothing says that they are one, with whatever gaps they are written there.
type learned struct {
	plates [8]known
	n      int
}

// known is a plate in capitals and without gaps.
type known struct {
	runes  [longestLearned]rune
	n      int
	digits bool // nothing else: then a gap means another number
}

// plain is the letter or digit that r is, in upper case, or 0.
func plain(r rune) rune {
	if c, _ := fold(r); c != 0 {
		return rune(c)
	}
	if unicode.IsLetter(r) {
		return unicode.ToUpper(r)
	}
	return 0
}

// learn adds the value at text[start:end], unless it is so short or so plain
// that it would be found by chance.
func (s *scan) learn(start, end int) {
	const shortest, leastDigits, mostDigits = 5, 7, 8
	if inner, ok := bytes.CutPrefix(s.text[start:end], []byte("<![CDATA[")); ok {
		start = end - len(inner)
		end -= len(inner) - len(bytes.TrimSuffix(inner, []byte("]]>")))
	}
	if end-start > longestValue {
		return
	}
	var k known
	digits := 0
	for i := start; i < end; {
		u := s.at(i)
		i += u.n
		r := plain(u.r)
		switch {
		case r == 0 && (isGap(u.r) || u.r == '\n'):
			continue
		case r == 0 || k.n == len(k.runes):
			return
		case r <= '9':
			digits++
		}
		k.runes[k.n] = r
		k.n++
	}
	k.digits = digits == k.n
	if k.n >= shortest && digits > 0 && (!k.digits || digits >= leastDigits && digits <= mostDigits) {
		s.learned.add(k)
	}
}

func (l *learned) add(k known) {
	for _, other := range l.plates[:l.n] {
		if other == k {
			return
		}
	}
	if l.n < len(l.plates) {
		l.plates[l.n] = k
		l.n++
	}
}

// learnInside learns from what is in the object, list or element at
// text[i:end], which a plate's name stands before: values in lists, and those of
// keys and elements that hold one.
func (s *scan) learnInside(i, end int) {
	holding := true
	for i < end && s.budget > 0 {
		u := s.at(i)
		s.budget--
		i += u.n
		switch u.r {
		case '{':
			holding = false
		case '"', '\'':
			start := i
			stop, _ := s.closing(start, u, end-start)
			s.budget -= stop - start
			i = stop + max(s.at(stop).n, 1)
			if s.at(s.blank(i)).r == ':' {
				holding = s.holding(start, stop)
			} else if holding {
				s.learn(start, min(stop, end))
			}
		case '<':
			local, stop := s.elementName(i)
			if stop == i {
				continue
			}
			holding = s.holding(local, stop)
			for i = stop; i < end; {
				u := s.at(i)
				if i += u.n; u.r == '>' {
					break
				}
			}
			if stop = s.textEnd(i, end); holding && stop > i {
				s.learn(i, stop)
			}
			i = max(i, stop)
		}
	}
}

// holding says whether what is called text[from:to] inside of something that is
// called a plate is the plate.
func (s *scan) holding(from, to int) bool {
	return s.key(from, to) != no || holds(s.text[from:to], false)
}

// textEnd is where the text at i ends: at the next tag, or at end.
func (s *scan) textEnd(i, end int) int {
	for i < end && s.at(i).r != '<' {
		i += s.at(i).n
		s.budget--
	}
	return min(i, end)
}

// findLearned removes the plates that are known from elsewhere in the message.
func (s *scan) findLearned() {
	if s.learned.n == 0 {
		return
	}
	before := none
	for i := 0; i < len(s.text); {
		u := s.at(i)
		if c, _ := fold(before); c == 0 || isDigit(c) {
			if end := s.knownAt(i, plain(u.r)); end > 0 {
				s.remove(i, end)
				i, before = end, none
				continue
			}
		}
		i, before = i+u.n, u.r
	}
}

// knownAt returns the end of the known plate at i, whose first character there
// is first, or 0.
func (s *scan) knownAt(i int, first rune) int {
	if first == 0 {
		return 0
	}
	for n := range s.learned.n {
		k := &s.learned.plates[n]
		if k.runes[0] != first {
			continue
		}
		if end := s.spelled(i, k); end > 0 && s.ends(end) {
			return end
		}
	}
	return 0
}

// spelled returns the end of k where it is at i, or 0.
func (s *scan) spelled(i int, k *known) int {
	const mostGaps = 2
	i += s.at(i).n
	for _, want := range k.runes[1:k.n] {
		if !k.digits {
			i = s.gaps(i, mostGaps)
		}
		u := s.at(i)
		if plain(u.r) != want {
			return 0
		}
		i += u.n
	}
	return i
}
