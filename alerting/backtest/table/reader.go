package table

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// Options say which columns are read, and how. Columns are names, or numbers from 1.
type Options struct {
	// File is the file's name in messages.
	File string
	// Time is the column of times, or several with commas between them, such as Date,Time.
	Time string
	// Values are columns of numbers, each one or several with commas.
	Values []string
	// Label is the column that marks anomalies, "" for none.
	Label string
	// Where are conditions COLUMN=VALUE, all of which a row has to meet.
	Where []string
	// Zone is that of times without one; nil: UTC.
	Zone *time.Location
	// TimeFormat is how times are written, "" for what they look like.
	TimeFormat string
	// Delimiter stands between columns; 0: what it looks like.
	Delimiter rune
	// Encoding is that of the file, "" for what it looks like.
	Encoding string
	// Decimal is '.' or ',', 0 for what it looks like.
	Decimal byte
	// Missing are texts or numbers that stand for no value, besides the usual ones.
	Missing []string
	// Unordered lets times come in any order.
	Unordered bool
	// SkipBad leaves out rows that cannot be read.
	SkipBad bool
}

// Row is a row of a file. It is valid until the next one is read.
type Row struct {
	// Line is where it begins, from 1.
	Line int
	// Text is its time as the file has it, Time in milliseconds since 1970, or that of a row above which is newer.
	Text string
	Time int64
	// Again is true where a row before had this time, or a newer one.
	Again bool
	// Values are finite, or NaN where there is none.
	Values []float64
	// Labelled is true where the label says that it is anomalous.
	Labelled bool
}

// Seen counts what a user should know of a file.
type Seen struct {
	Rows, Missing, Again, Skipped int
	// Late are rows that are earlier than one above by no more than an hour.
	Late int
	// Gap and Overlap are local times that the clock left out, or showed twice, when it was changed.
	Gap, Overlap int
	FirstGap     string
	// Guesses are what the file left open.
	Guesses []string
}

// Reader reads rows. It is not safe for concurrent use.
type Reader struct {
	o       Options
	csv     *csv.Reader
	budget  *budget
	lines   int // before what csv reads
	line    int // of the newest record
	header  header
	first   []string // a row that is not named by the header
	clock   clock
	numbers numbers
	times   []int
	values  []int
	label   int
	where   []condition
	row     Row
	newest  string // the text of its time
	seen    Seen
	any     bool
}

type condition struct {
	column int
	value  string
}

// late is how much earlier than one above it a row may be: an hour, by which a clock is put back in a zone that nobody has
// named.
const late = time.Hour

// longest is how many bytes a row may have: one quotation mark too few must not read a file into memory.
const longest = 1 << 20

// New reads the header of a file, and finds out how it is written by its beginning, of a Live one by what comes soon.
func New(in io.Reader, o Options) (*Reader, error) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	r := &Reader{o: o, label: -1}
	from, err := decode(in, o.Encoding)
	if err != nil {
		return nil, &Problem{File: o.File, Message: err.Error()}
	}
	if from.encoding != "" {
		r.guess("the encoding is read as %s; --encoding names another", from.encoding)
	}
	start, err := from.peek()
	if bytes.IndexByte(start, '\n') < 0 && bytes.IndexByte(start, '\r') >= 0 {
		from.through(newlines{from.text})
		start, err = from.peek()
	}
	if err := hopeless(start, err); err != nil {
		return nil, &Problem{File: o.File, Message: err.Error()}
	}
	if strings.TrimSpace(string(start)) == "" {
		return nil, &Problem{File: o.File, Message: "is empty; want a row of names and rows of readings"}
	}
	d := look(string(start), o.Delimiter, errors.Is(err, io.EOF))
	if _, err := from.text.Discard(d.skip); err != nil {
		return nil, &Problem{File: o.File, Message: err.Error()}
	}
	r.lines = d.skippedLines
	r.budget = &budget{in: from.text}
	r.csv = csv.NewReader(r.budget)
	r.csv.Comma, r.csv.FieldsPerRecord, r.csv.ReuseRecord = d.delimiter, -1, true
	first, err := r.record()
	if err != nil {
		return nil, err
	}
	r.header = newHeader(o.File, first)
	if !r.header.named {
		r.first = append([]string(nil), first...)
		r.guess("line %d has readings, so columns have no names", r.lines+1)
	}
	if err := r.findColumns(); err != nil {
		return nil, err
	}
	return r, r.learn(d)
}

// guessMark says how a number is read that has a comma before three digits.
func (r *Reader) guessMark(text string, mark byte) {
	read, other := strings.Replace(text, ",", "", 1), ","
	if mark == ',' {
		read, other = strings.Replace(text, ",", ".", 1), "."
	}
	r.guess("%s is read as %s; --decimal %s reads it the other way", text, read, other)
}

func (r *Reader) guess(format string, args ...any) {
	r.seen.Guesses = append(r.seen.Guesses, fmt.Sprintf(format, args...))
}

func (r *Reader) findColumns() error {
	var err error
	if r.times, err = r.header.find("--time-column", r.o.Time); err != nil {
		return err
	}
	for _, spec := range r.o.Values {
		found, err := r.header.find("--value-column", spec)
		if err != nil {
			return err
		}
		r.values = append(r.values, found...)
	}
	if r.o.Label != "" {
		if r.label, err = r.header.one("--label-column", r.o.Label); err != nil {
			return err
		}
	}
	for _, w := range r.o.Where {
		column, value, ok := strings.Cut(w, "=")
		if !ok {
			return fmt.Errorf("--where: want COLUMN=VALUE; got %q", w)
		}
		i, err := r.header.one("--where", column)
		if err != nil {
			return err
		}
		r.where = append(r.where, condition{i, strings.TrimSpace(value)})
	}
	r.row.Values = make([]float64, len(r.values))
	return nil
}

// learn finds out how times and numbers are written.
func (r *Reader) learn(d dialect) error {
	form, err := asked(r.o.TimeFormat)
	if err != nil {
		return err
	}
	var times, numbers []string
	for i, record := range d.rows {
		if i == 0 && r.header.named || !r.fits(record) {
			continue
		}
		times = append(times, r.timeOf(record))
		for _, v := range r.values {
			if v < len(record) {
				numbers = append(numbers, strings.TrimSpace(record[v]))
			}
		}
	}
	if form == (spelling{}) {
		var said string
		if form, said = learn(times); said != "" {
			r.guess("%s", said)
		}
	}
	r.clock = clock{spelling: form, zone: r.o.Zone}
	decimal := r.o.Decimal
	if decimal == 0 {
		var doubtful string
		decimal, doubtful = decimalMark(numbers, d.delimiter)
		if doubtful != "" {
			r.guessMark(doubtful, decimal)
		}
	}
	r.numbers = newNumbers(decimal, r.o.Missing)
	return nil
}

// Names are the names of the columns of values.
func (r *Reader) Names() []string {
	names := make([]string, len(r.values))
	for i, v := range r.values {
		names[i] = r.header.name(v)
	}
	return names
}

// Seen counts what has been read so far.
func (r *Reader) Seen() Seen {
	s := r.seen
	s.Gap, s.Overlap, s.FirstGap = r.clock.gap, r.clock.overlap, r.clock.firstGap
	return s
}

// Next reads a row; at the end the error is io.EOF, and for what cannot be read it is a *Problem.
func (r *Reader) Next() (*Row, error) {
	for {
		record := r.first
		r.first = nil
		var err error
		if record == nil {
			record, err = r.record()
		}
		if err == nil {
			if blank(record) || !r.fits(record) {
				continue
			}
			if err = r.read(record); err == nil {
				r.seen.Rows++
				return &r.row, nil
			}
		}
		if p := (*Problem)(nil); r.o.SkipBad && errors.As(err, &p) && !p.last {
			r.seen.Skipped++
			continue
		}
		return nil, err
	}
}

func blank(record []string) bool {
	for _, cell := range record {
		if strings.TrimSpace(cell) != "" {
			return false
		}
	}
	return true
}

func (r *Reader) fits(record []string) bool {
	for _, w := range r.where {
		if w.column >= len(record) || strings.TrimSpace(record[w.column]) != w.value {
			return false
		}
	}
	return true
}

func (r *Reader) timeOf(record []string) string {
	if len(r.times) == 1 && r.times[0] < len(record) {
		return strings.TrimSpace(record[r.times[0]])
	}
	var parts []string
	for _, t := range r.times {
		if t < len(record) {
			parts = append(parts, strings.TrimSpace(record[t]))
		}
	}
	return strings.Join(parts, " ")
}

// read makes the row of a record.
func (r *Reader) read(record []string) error {
	line := r.line
	if want := len(r.header.names); len(record) != want {
		for _, extra := range record[min(want, len(record)):] {
			if strings.TrimSpace(extra) == "" {
				continue
			}
			return r.problem(line, "", "has %d columns where the first row has %d; correct it (quote what has a %q in it), or leave such rows out by --skip-bad-rows",
				len(record), want, r.csv.Comma)
		}
		if len(record) < want {
			return r.problem(line, "", "has %d columns where the first row has %d; correct it, or leave such rows out by --skip-bad-rows", len(record), want)
		}
	}
	if err := r.readTime(record, line); err != nil {
		return err
	}
	for i, column := range r.values {
		v, ok := r.numbers.parse(record[column])
		if !ok {
			return r.problem(line, r.header.name(column), "want a number such as 3.2; got %s; if it stands for no value, write --missing %s",
				shown(record[column]), strings.TrimSpace(record[column]))
		}
		r.row.Values[i] = v
		if math.IsNaN(v) {
			r.seen.Missing++
		}
	}
	r.row.Line, r.row.Labelled = line, false
	if r.label >= 0 {
		is, ok := label(record[r.label])
		if !ok {
			return r.problem(line, r.header.name(r.label), "want 1 or 0, true or false, or anomaly or normal; got %s; correct it, or leave such rows out by --skip-bad-rows", shown(record[r.label]))
		}
		r.row.Labelled = is
	}
	return nil
}

func (r *Reader) readTime(record []string, line int) error {
	column := r.header.name(r.times[0])
	text := r.timeOf(record)
	at, ok := r.clock.read(text, r.row.Time, r.any && !r.o.Unordered)
	switch {
	case text == "":
		return r.problem(line, column, "has no time; correct it, or leave such rows out by --skip-bad-rows")
	case !ok:
		remedy := "--time-format says how times are written"
		if r.o.TimeFormat != "" {
			remedy = "correct it, or leave such rows out by --skip-bad-rows"
		}
		return r.problem(line, column, "want a time %s; got %s; %s", r.clock.like(), shown(text), remedy)
	case at < earliest() || at >= latest():
		how := ""
		if r.clock.unit != 0 {
			how = ", read " + r.clock.like() + ","
		}
		return r.problem(line, column, "want a time from 1678 to 2261; %s%s is not; correct it, or leave such rows out by --skip-bad-rows; --time-format says how times are written", shown(text), how)
	case !r.any || r.o.Unordered:
		// Any time will do.
	case at < r.row.Time && r.clock.unset(r.row.Time):
		return r.order(line, column, "%s is earlier than the row above; %q never was in %s, where clocks were put forward. If the logger keeps the same time all year, write it as --timezone=%s",
			shown(text), r.clock.lastGap, r.o.Zone, offset(r.clock.gapOffset))
	case r.row.Time-at > late.Milliseconds():
		return r.order(line, column, "%s is earlier than %s above it; sort the file, or let --sort do it in memory; of a file with several series choose one by --where COLUMN=VALUE",
			shown(text), shown(r.newest))
	case at < r.row.Time:
		r.seen.Late++
		r.row.Again, r.row.Text = true, strings.Clone(text)
		return nil
	}
	r.row.Again = r.any && at == r.row.Time
	if r.row.Again {
		r.seen.Again++
	}
	r.any, r.row.Time, r.row.Text = true, at, strings.Clone(text)
	r.newest = r.row.Text
	return nil
}

func (r *Reader) problem(line int, column, format string, args ...any) error {
	return &Problem{File: r.o.File, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
}

// order is a problem that skipping rows does not solve.
func (r *Reader) order(line int, column, format string, args ...any) error {
	return &Problem{File: r.o.File, Line: line, Column: column, Message: fmt.Sprintf(format, args...), last: true}
}

// like shows what the times of a file look like.
func (s *spelling) like() string {
	switch {
	case s.unit != 0:
		return "in " + map[time.Duration]string{
			time.Second: "seconds", time.Millisecond: "milliseconds", time.Microsecond: "microseconds", time.Nanosecond: "nanoseconds",
		}[s.unit] + " since 1970"
	case s.serial:
		return "as spreadsheets count days, such as 45658.5"
	case s.format != "":
		return fmt.Sprintf("as --time-format %q has it, such as %q", s.format, s.show(time.Date(2026, 12, 31, 15, 4, 5, 0, time.UTC)))
	case s.order == dayFirst:
		return "such as 31/12/2026 15:04:05"
	case s.order == monthFirst:
		return "such as 12/31/2026 15:04:05"
	}
	return "such as 2026-05-01 08:00:00 or 2026-05-01T08:00:00+08:00"
}
