package plate

// mostSeam is how many gaps and tags may be between two parts of a plate.
const mostSeam = 3

// seam skips what may stand between the parts of a plate: gaps, the end of a
// row, as on plates in two rows, a bracket that closes, a colon, a tag that only
// says how the text looks.
func (s *scan) seam(i int) int {
	for range mostSeam {
		u := s.at(i)
		switch {
		case isGap(u.r), u.r == ':', u.r == '：', isSeam(u.r):
			i += u.n
		case u.r == '<':
			end := s.inline(i)
			if end == i {
				return i
			}
			i = end
		default:
			return i
		}
	}
	return i
}

// isSeam holds for what divides a plate and stays when it goes: rows of tables
// and brackets are of the text around it.
func isSeam(r rune) bool {
	switch r {
	case '\n', '\r', '\t', '\v', '\f', '\u0085', '\u2028', '\u2029', ')', ']', '）', '］', '】', '〕', '》', '」', '』':
		return true
	}
	return false
}

// inline returns the end of the tag at i where it is one of HTML that stands
// inside of words; otherwise i.
func (s *scan) inline(i int) int {
	const most = 64
	open := s.at(i)
	j := i + open.n
	if u := s.at(j); u.r == '/' {
		j += u.n
	}
	var buf [8]byte
	name, named := buf[:0], false
	for n := 0; n < most; n++ {
		u := s.at(j)
		c, _ := fold(u.r)
		switch {
		case u.r == none || u.r == '<':
			return i
		case named:
		case c != 0 && len(name) < len(buf):
			name = append(name, c)
		case c != 0 || !isOne(name, "b", "i", "u", "em", "strong", "span", "font", "sub", "sup", "small", "big", "mark", "br", "wbr", "tt", "code"):
			return i
		default:
			named = true
		}
		if j += u.n; u.r == '>' {
			return j
		}
	}
	return i
}

// removeParts is remove for a plate that may have seams, which stay.
func (s *scan) removeParts(start, end int) int {
	from := start
	for i := start; i < end; {
		u := s.at(i)
		next := i + u.n
		if u.r == '<' {
			next = max(next, s.inline(i))
		} else if !isSeam(u.r) {
			i = next
			continue
		}
		s.remove(from, i)
		i, from = next, next
	}
	s.remove(from, end)
	return end
}
