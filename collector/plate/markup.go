package plate

import (
	"bytes"
	"unicode"
)

// element looks at the < at i, and removes the content of the element that it
// begins where that is a plate.
func (s *scan) element(i int, open unit) {
	from := i + open.n
	name, end := s.elementName(from)
	if end == from {
		return
	}
	c := s.key(name, end)
	inner, empty, named := s.tag(end, open.level)
	if inner < 0 || empty {
		return
	}
	if named {
		c = sure
	}
	if c != no {
		stop := s.elementEnd(inner, s.text[from:end], open.level)
		if s.take(inner, stop, c, nil) > 0 {
			s.learnInside(inner, stop)
		}
	} else if names(s.text[name:end]) {
		s.namedElement(inner, open.level)
	}
}

// elementName returns where the name of the element at i begins, without its
// namespace, and where it ends.
func (s *scan) elementName(i int) (local, end int) {
	local, end = i, i
	for end-i <= 4*longestKey {
		u := s.at(end)
		c, _ := fold(u.r)
		if c == 0 && u.r != '_' && u.r != '-' && u.r != '.' && u.r != ':' && !unicode.IsLetter(u.r) {
			break
		}
		if end += u.n; u.r == ':' {
			local = end
		}
	}
	return local, end
}

// tag goes to the end of the tag in which i is. named says that an attribute
// calls the element a plate; then attributes that hold a value are removed.
func (s *scan) tag(i, level int) (inner int, empty, named bool) {
	const most = 2048
	var attribute []byte
	word, last := i, none
	start := i
	for i < len(s.text) && i-start < most {
		u := s.at(i)
		switch {
		case u.r == '>' && u.level <= level:
			if named {
				s.attributes(start, i)
			}
			return i + u.n, last == '/', named
		case u.r == '<' && u.level <= level:
			return -1, false, false
		case u.r == ' ' || u.r == '\n' || u.r == '\t':
			word = i + u.n
		case u.r == '=':
			attribute = bytes.TrimSpace(s.text[word:i])
		case u.r == '"' || u.r == '\'':
			end, closed := s.closing(i+u.n, u, most)
			if closed && names(attribute) && s.key(i+u.n, end) == sure {
				named = true
			}
			i, last = end+s.at(end).n, u.r
			continue
		}
		i, last = i+u.n, u.r
	}
	return -1, false, false
}

// attributes removes the attributes in text[from:to] that hold a value.
func (s *scan) attributes(from, to int) {
	word := from
	for i := from; i < to; {
		u := s.at(i)
		switch u.r {
		case ' ', '\n', '\t':
			word = i + u.n
		case '=':
			if holds(bytes.TrimSpace(s.text[word:i]), false) {
				s.value(i+u.n, u, sure, nil)
			}
		}
		i += u.n
	}
}

// elementEnd is where the content ends that begins at i, of an element with the
// given name. Without an end tag it is the next tag.
func (s *scan) elementEnd(i int, name []byte, level int) int {
	next, depth := -1, 1
	for i < len(s.text) && s.budget > 0 {
		u := s.at(i)
		s.budget--
		if u.r != '<' || u.level > level {
			i += u.n
			continue
		}
		if next < 0 {
			next = i
		}
		at := i + u.n
		slash := s.at(at)
		if slash.r == '/' {
			at += slash.n
		}
		if bytes.HasPrefix(s.text[at:], name) {
			if _, end := s.elementName(at); end == at+len(name) {
				if depth++; slash.r == '/' {
					depth -= 2
				}
				if depth == 0 {
					return i
				}
			}
		}
		i = at
	}
	if next >= 0 {
		return next
	}
	return len(s.text)
}

// namedElement looks at the content at i of an element that names what stands
// beside it, as in <description>licensePlate</description><value>…</value>.
func (s *scan) namedElement(i, level int) {
	end := i
	for end < len(s.text) && end-i <= 4*longestKey {
		u := s.at(end)
		if u.r == '<' {
			break
		}
		end += u.n
	}
	if s.key(i, end) != sure {
		return
	}
	u := s.at(end)
	_, closed := s.elementName(end + u.n + 1)
	if s.at(end+u.n).r != '/' || s.at(closed).r != '>' {
		return
	}
	next := s.blank(closed + s.at(closed).n)
	open := s.at(next)
	if open.r != '<' {
		return
	}
	from := next + open.n
	_, nameEnd := s.elementName(from)
	inner, empty, _ := s.tag(nameEnd, level)
	if nameEnd == from || inner < 0 || empty {
		return
	}
	s.take(inner, s.elementEnd(inner, s.text[from:nameEnd], level), sure, nil)
}
