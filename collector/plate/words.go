package plate

import "bytes"

// assigned looks at the : or = at i: whether the words before it name a plate.
func (s *scan) assigned(i int, u unit) int {
	w := &s.words
	c := no
	for k := range w.n {
		found := s.name(w.starts[k], w.end)
		if k == 0 || found == sure && s.isPhrase(w.starts[k], w.end) {
			c = max(c, found)
		}
	}
	switch {
	case c != no && w.n > 1 && s.isOtherPlate(w.starts[1], w.starts[0]):
	case c == likely && u.r == '=':
		return s.value(i+u.n, u, sure, nil)
	case c != no:
		return s.value(i+u.n, u, c, nil)
	case w.n > 0 && u.r == '=':
		s.formPart(i, u)
	}
	return 0
}

// isOtherPlate says whether the word before "plate" makes something else of it,
// as in `base plate: steel Q345`.
func (s *scan) isOtherPlate(from, to int) bool {
	var buf [longestKey]byte
	word := buf[:0]
	for _, c := range s.text[from:min(to, from+longestKey)] {
		if c, _ := fold(rune(c)); c != 0 {
			word = append(word, c|0x20)
		}
	}
	return otherPlate(view(word))
}

// isPhrase keeps sentences with such a word in them from being taken for one.
func (s *scan) isPhrase(from, to int) bool {
	name := bytes.ToLower(bytes.ReplaceAll(s.text[from:to], []byte(" "), nil))
	before, behind, found := cutLast(view(name), "plate")
	return !found || (before == "" || before == "license" || before == "licence" || before == "number" || before == "car" || before == "vehicle") && ofPlate(behind)
}

// said looks at the space at i: whether the words before it speak of a plate, as
// in `license plate AB12CDE seen`.
func (s *scan) said(i int, u unit) int {
	w := &s.words
	if w.n == 0 || w.spaces > 0 || w.end != i {
		return 0
	}
	switch s.text[i-1] | 0x20 {
	case 'e', 'r', 'o', 'g': // plate, number, no, tag
	default:
		return 0
	}
	for k := range min(w.n, 2) {
		switch c := s.name(w.starts[k], w.end); {
		case k > 0 && !s.isPhrase(w.starts[k], w.end):
		case c == sure && (k > 0 || s.isPlateWord(w.starts[0], w.end)):
			return s.takeGroups(i+u.n, likely)
		case c == likely && s.isPlateWord(w.starts[0], w.end) && (w.n == 1 || !s.isOtherPlate(w.starts[1], w.starts[0])):
			return s.takeGroups(i+u.n, maybe)
		}
	}
	return 0
}

func (s *scan) isPlateWord(from, to int) bool {
	return isOne(s.text[from:to], "plate", "numberplate", "licenseplate", "licenceplate", "license-plate", "licence-plate", "number-plate")
}

// saidInChinese looks at 牌 at i: whether it is of 车牌 or 牌照, and a plate
// follows, as in 车牌号AB12CDE. What has a colon is assigned.
func (s *scan) saidInChinese(i int, u unit) int {
	r, _ := s.before(i)
	j := i + u.n
	if r != '车' && r != '号' && r != '車' && r != '號' && s.at(j).r != '照' {
		return 0
	}
	const most = 6
	for range most {
		u := s.at(j)
		switch {
		case isGap(u.r):
		case u.r == '照', u.r == '号', u.r == '號', u.r == '码', u.r == '碼', u.r == '为', u.r == '為', u.r == '是':
		default:
			return s.takeGroups(j, likely)
		}
		j += u.n
	}
	return 0
}

func (s *scan) takeGroups(i int, c certainty) int {
	end := s.groups(i, c)
	if end == i || s.take(i, end, c, nil) == 0 {
		return 0
	}
	if u := s.at(end); isLast(u.r) && !beginsWord(u.r, s.at(end+u.n).r) {
		end += u.n
		s.spans[len(s.spans)-1].end = end
	}
	return end
}

// groups is the end of the groups of capitals and digits at i that fit what c
// promises, of as many as possible; i: there are none.
func (s *scan) groups(i int, c certainty) int {
	const most = 6
	best, j := i, i
	for n := 0; n < most; n++ {
		from := j
		for {
			u := s.at(j)
			if c, lower := fold(u.r); c == 0 || lower {
				break
			}
			j += u.n
		}
		u := s.at(j)
		if next, _ := fold(u.r); j == from || next != 0 {
			break
		}
		if c.fits(s.text[i:j]) {
			best = j
		}
		if !isGap(u.r) {
			break
		}
		j += u.n
	}
	return best
}

func (s *scan) isGroup(i int) bool {
	for n := 0; ; n++ {
		u := s.at(i)
		c, lower := fold(u.r)
		if lower {
			return false
		}
		if c == 0 {
			return n > 0 && n <= 5 && (u.r == none || ends(u.r))
		}
		i += u.n
	}
}
