package catalog

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/belfry-city/belfry/internal/config/strict"
)

const (
	externalColumn  = "external."
	thresholdColumn = "threshold."
)

// table is a CSV file while it is read.
type table struct {
	file    *strict.File
	columns []column
}

// column is a header's cell and what to do with the cells below; set is nil
// when the header was refused.
type column struct {
	name string
	set  setter
}

// cell is a strict.Source.
type cell struct {
	file   *strict.File
	line   int
	column string
	text   string
}

func (c *cell) Text() (string, bool) { return c.text, true }

func (c *cell) Want(want string) { c.refuse("want %s; got %s", want, strict.Quote(c.text)) }

func (c *cell) refuse(format string, args ...any) {
	c.file.Refuse(c.line, "%s: %s", c.column, fmt.Sprintf(format, args...))
}

// readCSV reads a table whose first row names its columns. Empty cells mean
// that nothing is given, and rows of empty cells mean nothing at all.
func readCSV(file *strict.File, data []byte) (entries []entry) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		file.Refuse(firstInvalid(data), "want UTF-8; got another encoding (spreadsheets call the right one \"CSV UTF-8\")")
		return nil
	}
	rows := csv.NewReader(bytes.NewReader(data))
	rows.FieldsPerRecord = -1
	t := &table{file: file}
	for {
		row, err := rows.Read()
		var wrong *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			if t.columns == nil {
				file.Refuse(1, "want a first row that names the columns, one of them id; got nothing")
			}
			return entries
		case errors.As(err, &wrong):
			file.Refuse(wrong.Line, "want rows of cells between commas; got %v at character %d", wrong.Err, wrong.Column)
		case err != nil:
			file.Refuse(1, "%v", err)
			return entries
		case t.columns == nil:
			line, _ := rows.FieldPos(0)
			if !t.header(line, row) {
				return nil
			}
		default:
			line, _ := rows.FieldPos(0)
			if e, ok := t.row(line, row); ok {
				entries = append(entries, e)
			}
		}
	}
}

func firstInvalid(data []byte) int {
	line := 1
	for text := range bytes.Lines(data) {
		if !utf8.Valid(text) {
			break
		}
		line++
	}
	return line
}

// header reports whether the rows below can be read.
func (t *table) header(line int, row []string) bool {
	known := setters()
	seen := map[string]bool{}
	for _, name := range row {
		name = strings.TrimSpace(name)
		set := t.setter(line, name, known)
		if seen[name] && set != nil {
			t.file.Refuse(line, "%s: want each column once; got it again", name)
			set = nil
		}
		seen[name] = true
		t.columns = append(t.columns, column{name, set})
	}
	if !seen["id"] {
		t.file.Refuse(line, "want a column id; got none")
	}
	return seen["id"]
}

func (t *table) setter(line int, name string, known map[string]setter) setter {
	if set, ok := known[name]; ok {
		return set
	}
	if kind, is := strings.CutPrefix(name, externalColumn); is && kind != "" {
		return func(s strict.Source, e *entry) {
			id, _ := s.Text()
			e.setExternal(kind, id)
		}
	}
	if rest, is := strings.CutPrefix(name, thresholdColumn); is {
		return t.threshold(line, name, rest)
	}
	names := slices.Sorted(maps.Keys(known))
	hint := "known here: " + strings.Join(names, ", ") + ", external.KIND, threshold.METRIC.above|below.warning|critical"
	if near := strict.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	} else if strings.ContainsAny(name, ";\t") {
		hint = "want commas between columns"
	}
	t.file.Refuse(line, "%s: unknown column; %s", strict.Quote(name), hint)
	return nil
}

// threshold reads METRIC.DIRECTION.LEVEL from the right, since the name of a
// metric may have dots.
func (t *table) threshold(line int, name, spec string) setter {
	directions, levels := []string{Above, Below}, []string{Warning, Critical}
	parts := strings.Split(spec, ".")
	n := len(parts)
	if n < 3 || !slices.Contains(directions, parts[n-2]) || !slices.Contains(levels, parts[n-1]) {
		t.file.Refuse(line, "%s: want threshold.METRIC.DIRECTION.LEVEL with direction %s and level %s",
			name, strings.Join(directions, " or "), strings.Join(levels, " or "))
		return nil
	}
	limit := Threshold{Metric: strings.Join(parts[:n-2], "."), Direction: parts[n-2], Level: parts[n-1]}
	if limit.Metric == "" {
		t.file.Refuse(line, "%s: want the name of a metric between the first two dots", name)
		return nil
	}
	if _, want := metricName(limit.Metric); want != "" {
		t.file.Refuse(line, "%s: want between the first two dots %s; got %s", strict.Quote(name), want, strict.Quote(limit.Metric))
		return nil
	}
	return func(s strict.Source, e *entry) {
		limit := limit
		before := t.file.Count()
		setThreshold(s, &limit)
		if t.file.Count() == before {
			e.addThreshold(limit, func(format string, args ...any) {
				t.file.Refuse(e.line, "%s: "+format, append([]any{name}, args...)...)
			})
		}
	}
}

func (t *table) row(line int, row []string) (e entry, ok bool) {
	if !slices.ContainsFunc(row, func(text string) bool { return strings.TrimSpace(text) != "" }) {
		return e, false
	}
	if len(row) != len(t.columns) {
		t.file.Refuse(line, "want %d cells, as in the first row; got %d", len(t.columns), len(row))
		return e, false
	}
	e = newEntry()
	e.line = line
	before := t.file.Count()
	for i, text := range row {
		text = strings.TrimSpace(text)
		if text == "" || t.columns[i].set == nil {
			continue
		}
		t.columns[i].set(&cell{t.file, line, t.columns[i].name, text}, &e)
	}
	if t.file.Count() == before {
		e.finish(func(format string, args ...any) { t.file.Refuse(line, format, args...) })
	}
	return e, true
}
