package plate

import (
	"bytes"
	"encoding/base64"
	"unicode"
)

// shape is how a value looks whose name does not say for certain that it is a
// plate.
type shape struct {
	digits, letters, gaps int
	small, capital        bool
	run, longest          int // letters in a row
	other                 bool
	version               bool // 2.0
}

func shapeOf(value []byte) shape {
	const most = 64
	var s shape
	if s.other = len(value) > most; s.other {
		return s
	}
	point := 0 // how many characters ago
	for _, r := range string(value) {
		c, lower := fold(r)
		point++
		switch {
		case isDigit(c):
			s.digits++
			s.run = 0
			s.version = point == 1 && s.digits > 1
		case c != 0, unicode.IsLetter(r):
			s.letters++
			s.run++
			s.longest = max(s.longest, s.run)
			s.small = s.small || lower || unicode.IsLower(r)
			s.capital = s.capital || c != 0 && !lower || unicode.IsUpper(r)
			s.version = false
		case isGap(r):
			s.gaps++
			if s.run = 0; r == '.' {
				point = 0
			}
			s.version = false
		default:
			s.other = true
		}
	}
	return s
}

// couldBe holds for what is written as plates are somewhere: few characters, no
// words, figures among them.
func (s shape) couldBe() bool {
	const least, most, mostGaps, longest = 5, 12, 4, 4
	n := s.digits + s.letters
	return !s.other && (!s.small || !s.capital) && s.digits > 0 && n >= least && n <= most && s.gaps <= mostGaps && s.longest <= longest
}

// looksMuch holds for what is hardly anything else.
func (s shape) looksMuch() bool {
	const least, most, mostGaps = 2, 10, 3
	return s.couldBe() && s.digits >= least && s.letters >= least && s.digits+s.letters <= most && s.gaps <= mostGaps && !s.version
}

// fits says whether a value can be the plate that its name promises.
func (c certainty) fits(value []byte) bool {
	switch c {
	case sure:
		return true
	case likely:
		return shapeOf(value).couldBe() || encoded(value)
	case maybe, hint:
		return shapeOf(value).looksMuch() || encoded(value)
	}
	return false
}

// encoded says whether a plate is in base64, as some cameras send it.
func encoded(value []byte) bool {
	const least, most = 8, 24
	if len(value) < least || len(value) > most || len(value)%4 != 0 {
		return false
	}
	plain := make([]byte, most)
	n, err := base64.StdEncoding.Decode(plain, value)
	plain = plain[:n]
	return err == nil && (shapeOf(plain).looksMuch() || !bytes.Equal(plain, Redactor{}.Text(plain)))
}
