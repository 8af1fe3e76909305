package plate

import "bytes"

// mostColumns is how many columns of a table are looked at.
const mostColumns = 64

// table removes the columns of CSV whose heading is the name of a plate.
func (s *scan) table() {
	first := bytes.TrimLeft(s.text, " \t\r\n\ufeff")
	if len(first) == 0 || first[0] == '{' || first[0] == '[' || first[0] == '<' {
		return
	}
	line, rest := len(s.text)-len(first), 0
	head, _, more := bytes.Cut(first, []byte("\n"))
	if !more || len(head) > 8192 {
		return
	}
	rest = line + len(head) + 1
	for _, delimiter := range []byte{',', ';', '\t', '|'} {
		if bytes.IndexByte(head, delimiter) < 0 && delimiter != ',' {
			continue
		}
		if columns := s.headings(line, line+len(head), delimiter); columns != 0 {
			s.rows(rest, delimiter, columns)
			return
		}
	}
}

// headings are the columns of plates, a bit for each.
func (s *scan) headings(from, to int, delimiter byte) (columns uint64) {
	s.cells(from, to, delimiter, func(n, start, end int) {
		if n < mostColumns && s.key(start, end) == sure {
			columns |= 1 << n
		}
	})
	return columns
}

func (s *scan) rows(i int, delimiter byte, columns uint64) {
	for i < len(s.text) {
		i = s.cells(i, len(s.text), delimiter, func(n, start, end int) {
			if n < mostColumns && columns&(1<<n) != 0 {
				s.take(start, end, sure, nil)
			}
		})
	}
}

// cells calls yield for the cells of the line at i, without their quotes, and
// returns where the next line begins.
func (s *scan) cells(i, to int, delimiter byte, yield func(n, start, end int)) int {
	for n := 0; ; n++ {
		var end int
		start := i
		if i < to && s.text[i] == '"' {
			start = i + 1
			for i++; i < to; i++ {
				if s.text[i] != '"' {
					continue
				}
				if i+1 < to && s.text[i+1] == '"' {
					i++
					continue
				}
				break
			}
			end = min(i, to)
			for i < to && s.text[i] != delimiter && s.text[i] != '\n' {
				i++
			}
		} else {
			for i < to && s.text[i] != delimiter && s.text[i] != '\n' {
				i++
			}
			if end = i; end > start && s.text[end-1] == '\r' {
				end--
			}
		}
		yield(n, start, end)
		if i >= to || s.text[i] == '\n' {
			return i + 1
		}
		i++
	}
}
