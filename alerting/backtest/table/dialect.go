package table

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// dialect is how a file parts its columns.
type dialect struct {
	delimiter rune
	// skip are bytes before the header, skippedLines what they are in lines.
	skip, skippedLines int
	// rows are those at the beginning.
	rows [][]string
}

// look finds the delimiter of a file by its beginning, which may be all of it: the one by which the rows have the same
// number of columns, the more the better.
func look(start string, asked rune, whole bool) dialect {
	d := dialect{delimiter: asked}
	// Excel's own way to say it.
	if line, _, _ := strings.Cut(start, "\n"); strings.HasPrefix(strings.ToLower(line), "sep=") {
		if rest := []rune(strings.TrimRight(line[len("sep="):], "\r")); len(rest) == 1 {
			d.skip, d.skippedLines = len(line)+1, 1
			start = start[min(d.skip, len(start)):]
			if asked == 0 {
				d.delimiter = rest[0]
			}
		}
	}
	if end := strings.LastIndexByte(start, '\n'); !whole && end >= 0 {
		start = start[:end+1] // the last row may be cut
	}
	if d.delimiter != 0 {
		d.rows = rowsOf(start, d.delimiter)
		return d
	}
	best := 0
	for _, delimiter := range []rune{',', ';', '\t', '|'} {
		rows := rowsOf(start, delimiter)
		if len(rows) == 0 {
			continue
		}
		columns := len(rows[0])
		alike := 0
		for _, row := range rows {
			if len(row) == columns {
				alike++
			}
		}
		// A few odd rows are forgiven: they are complained of when they are read.
		score := columns
		if alike*10 < len(rows)*9 {
			score = 1
		}
		if score > best {
			best, d.delimiter, d.rows = score, delimiter, rows
		}
	}
	if d.delimiter == 0 {
		d.delimiter = ','
	}
	return d
}

func rowsOf(text string, delimiter rune) [][]string {
	const enough = 2000
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = delimiter, -1, true
	var rows [][]string
	for len(rows) < enough {
		row, err := r.Read()
		if err != nil {
			break
		}
		if !blank(row) {
			rows = append(rows, row)
		}
	}
	return rows
}

// budget lets only so many bytes pass between two rows.
type budget struct {
	in   io.Reader
	left int
}

type tooLong struct{}

func (tooLong) Error() string {
	return "a row is longer than 1 MiB; is a quotation mark missing, or is this no CSV?"
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, tooLong{}
	}
	n, err := b.in.Read(p)
	b.left -= n
	return n, err
}

// record reads the cells of a row.
func (r *Reader) record() ([]string, error) {
	r.budget.left = longest
	record, err := r.csv.Read()
	var syntax *csv.ParseError
	switch {
	case err == nil:
		line, _ := r.csv.FieldPos(0)
		r.line = line + r.lines
		return record, nil
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case errors.As(err, &syntax):
		line := syntax.Line + r.lines
		remedy := `write a quotation mark within a cell twice, and the cell between two`
		if errors.Is(err, csv.ErrQuote) {
			line = syntax.StartLine + r.lines
		}
		return nil, r.problem(line, "", "character %d: %v; %s", syntax.Column, syntax.Err, remedy)
	}
	return nil, &Problem{File: r.o.File, Line: r.line + 1, Message: fmt.Sprintf("cannot be read from here on: %v", explained(err)), last: true}
}
