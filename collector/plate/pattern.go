package plate

import (
	"strings"
	"unicode/utf8"
)

// isProvince says whether r begins plates of a province. U+00B3 and U+0525 are
// 鲁 and 豫 in GBK where their bytes happen to be UTF-8.
func isProvince(r rune) bool {
	switch r {
	case '京', '津', '冀', '晋', '蒙', '辽', '吉', '黑', '沪', '苏', '浙', '皖', '闽', '赣', '鲁', '豫',
		'鄂', '湘', '粤', '桂', '琼', '渝', '川', '贵', '云', '藏', '陕', '甘', '青', '宁', '新',
		'晉', '遼', '滬', '蘇', '閩', '贛', '魯', '粵', '瓊', '貴', '雲', '陝', '寧', '³', 'ԥ':
		return true
	}
	return false
}

// isLast says whether r may end a plate. U+0467 is 学 in GBK.
func isLast(r rune) bool {
	switch r {
	case 'ѧ', '学', '學', '警', '港', '澳', '挂', '掛', '使', '领', '領', '试', '試', '超':
		return true
	}
	return false
}

// isMiddleDot holds for the dots that stand behind the letter on a plate.
func isMiddleDot(r rune) bool {
	switch r {
	case '·', '•', '‧', '∙', '⋅', '・', '･', '●', '˙':
		return true
	}
	return false
}

// isGap holds for what people and programs put between the parts of a plate.
func isGap(r rune) bool {
	switch r {
	case '.', '．', '。', '-', '－', '‐', '‑', '–', '—', '−', '_', '+', '*':
		return true
	}
	return isMiddleDot(r) || isSpace(r)
}

// isSpace also holds for what takes no room, and is copied with the text.
func isSpace(r rune) bool {
	switch r {
	case ' ', '\u00a0', '\u00ad', '\u180e', '\u3000', '\ufeff':
		return true
	}
	return r >= '\u2000' && r <= '\u200f' || r >= '\u202a' && r <= '\u202f' || r >= '\u205f' && r <= '\u2064'
}

// fold is the letter (in upper case) or digit that r is, or 0. lower says that
// it was a small letter.
func fold(r rune) (c byte, lower bool) {
	if r >= 0xff01 && r <= 0xff5e { // full-width
		r -= 0xff01 - '!'
	}
	switch {
	case r >= '0' && r <= '9', r >= 'A' && r <= 'Z':
		return byte(r), false
	case r >= 'a' && r <= 'z':
		return byte(r) - 'a' + 'A', true
	}
	return 0, false
}

// glyph is fold for plates, on which Cyrillic letters that look like Latin ones
// are written by mistake, or to deceive.
func glyph(r rune) (c byte, lower bool) {
	const cyrillic, latin = "АВЕКМНОРСТУХ" + "авекмнорстух", "ABEKMHOPCTYXABEKMHOPCTYX"
	if r < 'А' || r > 'х' {
		return fold(r)
	}
	at := strings.IndexRune(cyrillic, r)
	if at < 0 {
		return 0, false
	}
	i := at / len("А")
	return latin[i], i >= len(latin)/2
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// gaps skips at most most gaps from i on.
func (s *scan) gaps(i, most int) int {
	for range most {
		u := s.at(i)
		if !isGap(u.r) {
			break
		}
		i += u.n
	}
	return i
}

// provincial returns the end of the plate that begins with the province at i,
// or 0, and where it begins.
func (s *scan) provincial(i int) (start, end int) {
	u := s.at(i)
	j := s.seam(i + u.n)
	letter := s.at(j)
	c, small := glyph(letter.r)
	if start, ok := s.policeBefore(i); ok {
		if end := s.serial(j, serial{least: 4, most: 5}); end > 0 {
			return start, end
		}
	}
	if c == 0 || isDigit(c) {
		return 0, 0
	}
	j = s.seam(j + letter.n)
	return i, s.serial(j, serial{least: 5, most: 6, small: small})
}

// policeBefore says whether WJ stands before i, and where.
func (s *scan) policeBefore(i int) (start int, ok bool) {
	i = s.gapBefore(i)
	for _, want := range []byte("JW") {
		r, start := s.before(i)
		if c, lower := fold(r); c != want || lower {
			return 0, false
		}
		i = start
	}
	return i, !s.letterBefore(i)
}

// gapBefore is where a gap that ends at i begins, or i.
func (s *scan) gapBefore(i int) int {
	if r, start := s.before(i); isGap(r) {
		return start
	}
	return i
}

func (s *scan) letterBefore(i int) bool {
	r, _ := s.before(i)
	c, _ := fold(r)
	return c != 0
}

func (s *scan) digitBefore(i int) bool {
	r, _ := s.before(i)
	c, _ := fold(r)
	return isDigit(c)
}

// serial counts the characters behind province and letter.
type serial struct {
	least, most int
	small       bool // the letter before was a small one

	count, digits, smalls int
	first, last           byte
}

// serial returns the end of a serial number that begins at j, or 0.
func (s *scan) serial(j int, n serial) int {
	for n.count < n.most {
		u := s.at(j)
		c, lower := glyph(u.r)
		if c == 0 && n.count > 0 && (isSpace(u.r) || isMiddleDot(u.r)) {
			next := s.at(j + u.n)
			if c, lower = glyph(next.r); c != 0 {
				j, u = j+u.n, next
			}
		}
		if c == 0 {
			return s.special(j, n)
		}
		if n.last = c; n.count == 0 {
			n.first = c
		}
		n.count++
		if isDigit(c) {
			n.digits++
		} else if lower {
			n.smalls++
		}
		j += u.n
		if n.count >= n.least && n.plausible() && s.ends(j) {
			return j
		}
		if n.count == n.least-1 {
			if end := s.special(j, n); end > 0 {
				return end
			}
		}
	}
	return 0
}

// plausible tells a plate from a word with a number: small letters are few. Six
// characters, for new energy, begin or end with a letter (GA 36-2018), which
// numbers such as B000012 do not.
func (n serial) plausible() bool {
	if n.count == 6 && isDigit(n.first) && isDigit(n.last) {
		return false
	}
	if n.small || n.smalls > 0 {
		return n.digits >= n.count-1
	}
	return n.digits > 0
}

// special returns the end of a plate that ends in a Chinese character at j.
func (s *scan) special(j int, n serial) int {
	if n.count != n.least-1 || n.digits == 0 {
		return 0
	}
	j = s.gaps(j, 1)
	u := s.at(j)
	end := j + u.n
	switch next := s.at(end); {
	case u.r == '应' && next.r == '急':
		end += next.n
	case !isLast(u.r):
		return 0
	}
	if beginsWord(u.r, s.at(end).r) {
		return 0
	}
	if u.r == '港' || u.r == '澳' {
		return s.second(end)
	}
	return end
}

// second returns the end of the plate of Hong Kong or Macao that stands beside
// the mainland's, which ends at i; without one that is i.
func (s *scan) second(i int) int {
	j := s.seam(i)
	for range 2 {
		u := s.at(j)
		if c, lower := fold(u.r); c == 0 || isDigit(c) || lower {
			return i
		}
		j += u.n
	}
	digits := 0
	for ; digits < 4; digits++ {
		if digits%2 == 0 { // MA-12-34
			j = s.gaps(j, 1)
		}
		u := s.at(j)
		if c, _ := fold(u.r); !isDigit(c) {
			break
		}
		j += u.n
	}
	if digits < 3 || !s.ends(j) {
		return i
	}
	return j
}

// beginsWord says whether two characters are a word, as in 1234学校 and
// 1001使用率, and the first of them therefore no end of a plate.
func beginsWord(first, second rune) bool {
	words := ""
	switch first {
	case '学', '學':
		words = "校院生区府习期位科"
	case '使', '应':
		words = "用命得馆能者"
	case '港':
		words = "口湾区务城"
	case '警':
		words = "察报告示戒情务员"
	case '挂', '掛':
		words = "牌号失起载"
	case '领', '領':
		words = "导域取先馆"
	case '试', '試':
		words = "验用点运"
	case '超':
		words = "时市标限过速出高"
	case '澳':
		words = "门洲"
	}
	return strings.ContainsRune(words, second)
}

// ends says whether a plate can end before j: no letter or digit follows, or a
// date does, as in the names of pictures.
func (s *scan) ends(j int) bool {
	if c, _ := fold(s.at(j).r); c == 0 {
		return true
	}
	const date = 8
	if j+date > len(s.text) || string(s.text[j:j+2]) != "20" && string(s.text[j:j+2]) != "19" {
		return false
	}
	for _, c := range s.text[j : j+date] {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// diplomatic returns where the plate of an embassy with 使 at i is, if there
// is one: 使 and six digits, or six digits and 使.
func (s *scan) diplomatic(i int) (start, end int) {
	const digits = 6
	u := s.at(i)
	from := i + u.n
	if next := s.at(from).r; beginsWord('使', next) || u.r != '使' && next >= utf8.RuneSelf {
		return 0, 0
	}
	j, n := s.gaps(from, 1), 0
	for ; n < digits; n++ {
		if n == digits/2 {
			j = s.gaps(j, 1)
		}
		u := s.at(j)
		if c, _ := fold(u.r); !isDigit(c) {
			break
		}
		j += u.n
	}
	if n == digits && s.ends(j) && !s.wordBefore(i) {
		return i, j
	}
	start = s.gapBefore(i)
	for n := range digits {
		r, at := s.before(start)
		if c, _ := fold(r); !isDigit(c) {
			return 0, 0
		}
		if start = at; n == digits/2-1 {
			start = s.gapBefore(start)
		}
	}
	if s.digitBefore(start) {
		return 0, 0
	}
	return start, from
}

// wordBefore says whether 使 at i is the end of a word such as 大使.
func (s *scan) wordBefore(i int) bool {
	r, _ := s.before(i)
	if r == utf8.RuneError && s.text[i] == '\xca' && !s.gbk {
		return true // all of it is in GBK, and looked at again as such
	}
	return strings.ContainsRune("大天行即驱假促唆特公致迫指役", r)
}

// military returns where the plate of an army vehicle is whose middle dot is at
// i, if there is one: two letters, dot, five digits.
func (s *scan) military(i int) (start, end int) {
	const letters, digits = 2, 5
	if start, end := s.formerPolice(i); end > start {
		return start, end
	}
	start = i
	for range letters {
		r, at := s.before(start)
		if c, lower := fold(r); c == 0 || isDigit(c) || lower {
			return 0, 0
		}
		start = at
	}
	if s.letterBefore(start) || s.isAbbreviation(start) {
		return 0, 0
	}
	end = i + s.at(i).n
	for range digits {
		u := s.at(end)
		if c, _ := fold(u.r); !isDigit(c) {
			return 0, 0
		}
		end += u.n
	}
	if !s.ends(end) {
		return 0, 0
	}
	return start, end
}

// isAbbreviation says whether the two letters at i stand before numbers that are
// none of army vehicles.
func (s *scan) isAbbreviation(i int) bool {
	first := s.at(i)
	a, _ := fold(first.r)
	b, _ := fold(s.at(i + first.n).r)
	switch string([]byte{a, b}) {
	case "AM", "PM", "NO", "SN", "ID":
		return true
	}
	return false
}

// formerPolice returns where the plate of the armed police before 2012 is whose
// middle dot is at i, if there is one: WJ, the number of a province, dot, five
// characters.
func (s *scan) formerPolice(i int) (start, end int) {
	start = i
	for range 2 {
		r, at := s.before(start)
		if c, _ := fold(r); !isDigit(c) {
			return 0, 0
		}
		start = at
	}
	start, ok := s.policeBefore(start)
	if !ok {
		return 0, 0
	}
	return start, s.serial(i+s.at(i).n, serial{least: 5, most: 5})
}
