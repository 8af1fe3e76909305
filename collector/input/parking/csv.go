package parking

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
)

// mostColumns is how many columns are read.
const mostColumns = 128

// table is a CSV body: RFC 4180, with any of , ; tab and | between the cells.
type table struct {
	rest      []byte
	delimiter byte
	line      int
	open      bool // a quote was not closed
}

func (d *Decoder) decodeCSV(m *input.Message, text []byte, out *reading.Builder) {
	t := table{rest: text, line: 1}
	heading := t.firstLine()
	t.delimiter = delimiterOf(heading)
	var columns [mostColumns]field
	n, known := 0, false
	for more := true; more; n++ {
		var cell []byte
		cell, more = t.cell()
		f := d.column(cell)
		if n < mostColumns {
			columns[n] = f
		}
		known = known || f != fieldUnused
	}
	if !known {
		out.Refuse(reading.ReasonSyntax, unknownHeading(heading))
		return
	}
	for len(t.rest) > 0 {
		t.line++
		d.row(m, &t, columns[:min(n, mostColumns)], heading, out)
	}
}

func (d *Decoder) column(cell []byte) field {
	name := normal(view(bytes.TrimSpace(cell)))
	if f, ok := d.columns[name]; ok {
		return f
	}
	return known(name)
}

func unknownHeading(heading []byte) string {
	const most = 80
	text := strings.ToValidUTF8(string(heading[:min(len(heading), most)]), "")
	return fmt.Sprintf("want JSON, or CSV whose first line names the columns, such as asset,occupied,time; got %q", text)
}

func (d *Decoder) row(m *input.Message, t *table, columns []field, heading []byte, out *reading.Builder) {
	var r record
	line, whole := t.line, t.rest
	cells, blank := 0, true
	for more := true; more; cells++ {
		var cell []byte
		cell, more = t.cell()
		cell = bytes.TrimSpace(cell)
		blank = blank && len(cell) == 0
		if cells < len(columns) {
			r.set(columns[cells], cell)
		}
	}
	raw := bytes.TrimRight(whole[:len(whole)-len(t.rest)], "\r\n")
	if !t.open && (blank || bytes.Equal(raw, heading)) {
		return
	}
	out.Part(line)
	refuse := refuser{out: out, raw: raw, heading: heading}
	switch {
	case t.open:
		refuse.refuse(reading.ReasonSyntax, "a quote is opened and not closed", nil)
	case cells > len(columns):
		refuse.refuse(reading.ReasonSyntax, fmt.Sprintf("%d cells under %d headings", cells, len(columns)), nil)
	default:
		d.emit(m, &r, refuse)
	}
}

// firstLine is the line at which t is, which stays there.
func (t *table) firstLine() []byte {
	t.rest = bytes.TrimLeft(t.rest, " \t\r\n")
	line, _, _ := bytes.Cut(t.rest, []byte("\n"))
	return bytes.TrimRight(line, "\r")
}

// delimiterOf is what separates the most columns.
func delimiterOf(heading []byte) byte {
	best, most := byte(','), 0
	for _, c := range []byte{',', ';', '\t', '|'} {
		if n := bytes.Count(heading, []byte{c}); n > most {
			best, most = c, n
		}
	}
	return best
}

// cell takes the next cell of the line. more is false for the last one, behind
// which the next line begins.
func (t *table) cell() (cell []byte, more bool) {
	if len(t.rest) > 0 && t.rest[0] == '"' {
		return t.quoted()
	}
	i := t.cellEnd(0)
	cell = t.rest[:i]
	return cell, t.end(i)
}

// cellEnd is where the cell ends that goes on at i.
func (t *table) cellEnd(i int) int {
	for i < len(t.rest) && t.rest[i] != t.delimiter && t.rest[i] != '\n' {
		i++
	}
	return i
}

// end goes behind what ends a cell at i.
func (t *table) end(i int) (more bool) {
	more = i < len(t.rest) && t.rest[i] == t.delimiter
	t.rest = t.rest[min(i+1, len(t.rest)):]
	return more
}

// quoted takes a cell in quotes, in which two quotes are one, and line breaks
// are text.
func (t *table) quoted() (cell []byte, more bool) {
	doubled := false
	i := 1
	for ; i < len(t.rest); i++ {
		switch t.rest[i] {
		case '\n':
			t.line++
		case '"':
			if i+1 == len(t.rest) || t.rest[i+1] != '"' {
				cell = t.rest[1:i]
				if doubled {
					cell = bytes.ReplaceAll(cell, []byte(`""`), []byte(`"`))
				}
				return cell, t.end(t.cellEnd(i + 1))
			}
			doubled = true
			i++
		}
	}
	t.open = true
	t.rest = t.rest[len(t.rest):]
	return nil, false
}
