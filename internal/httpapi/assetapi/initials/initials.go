package initials

import (
	"math/bits"
	"strings"
	"unicode"

	"github.com/mozillazg/go-pinyin"
)

// set are the letters and digits that stand for a character, a bit each.
type set uint64

// Name is a name as it is searched.
type Name []set

// Reader reads names. It remembers how characters are read, and is not safe for
// concurrent use.
type Reader struct{ known map[rune]set }

// NewReader is a Reader that has read nothing.
func NewReader() *Reader { return &Reader{known: map[rune]set{}} }

// Read reads a name. Only letters, digits and Chinese characters count.
func (r *Reader) Read(name string) Name {
	var all Name
	for _, c := range name {
		s, ok := r.known[c]
		if !ok {
			s = of(c)
			r.known[c] = s
		}
		if s != 0 {
			all = append(all, s)
		}
	}
	return all
}

func of(c rune) (s set) {
	if !unicode.Is(unicode.Han, c) {
		return letter(unicode.ToLower(c))
	}
	for _, syllable := range pinyin.SinglePinyin(c, pinyin.Args{Style: pinyin.FirstLetter, Heteronym: true}) {
		for _, first := range syllable {
			s |= letter(first)
		}
	}
	return s
}

// letter is 0 for what is neither a letter nor a digit.
func letter(c rune) set {
	switch {
	case c >= 'a' && c <= 'z':
		return 1 << (c - 'a')
	case c >= '0' && c <= '9':
		return 1 << (26 + c - '0')
	}
	return 0
}

// Query is what is looked for.
type Query []set

// NewQuery reads what was typed; ok says whether it can be initials, which are
// letters and digits.
func NewQuery(text string) (q Query, ok bool) {
	for _, c := range strings.ToLower(text) {
		if c == ' ' {
			continue
		}
		s := letter(c)
		if bits.OnesCount64(uint64(s)) != 1 {
			return nil, false
		}
		q = append(q, s)
	}
	return q, len(q) > 0
}

// In says whether a part of the name may begin with these letters, one after another.
func (q Query) In(name Name) bool {
	for first := range len(name) - len(q) + 1 {
		if q.at(name[first:]) {
			return true
		}
	}
	return false
}

func (q Query) at(name Name) bool {
	for i, s := range q {
		if name[i]&s == 0 {
			return false
		}
	}
	return true
}
