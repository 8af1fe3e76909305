package backtest

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/backtest/chart"
	"github.com/belfry-city/belfry/alerting/backtest/score"
	"github.com/belfry-city/belfry/alerting/backtest/table"
)

// Anomaly says what a detector is to see, and who wants to know of it.
type Anomaly struct {
	// Open opens the file. It is called twice where Skip is a share and Sort is not set, unless Once.
	Open func() (io.ReadCloser, error)
	// Once is whether the file can be read only once, such as a pipe; rows are then judged as they come.
	Once  bool
	Table table.Options
	// Choose names the kind of model and its settings for so many columns.
	Choose func(columns int) (model.Kind, model.Settings, error)
	// Warmup is for how long from the first row on no score is over 1.
	Warmup time.Duration
	// Threshold is what a score has to exceed to be an alarm.
	Threshold float64
	Skip      Skip
	// Sort sorts rows by time, in memory.
	Sort bool
	// Out gets the CSV.
	Out  io.Writer
	Plot Plot
}

// Result is what a detector did with a file.
type Result struct {
	Kind  model.Kind
	Names []string // of the columns
	// Skipped are rows at the beginning that were not judged.
	Skipped int
	Seen    table.Seen
	Tally   *score.Tally
}

// rows are those of a file in the order in which they are judged.
type rows interface {
	Next() (*table.Row, error)
}

// Interrupted is the error of what was asked to end early.
type Interrupted struct{ While string }

// Error says while what.
func (i *Interrupted) Error() string { return "interrupted while " + i.While }

// Unwrap implements errors.Is.
func (*Interrupted) Unwrap() error { return context.Canceled }

// Run lets a detector see a file. What was written before an error stays written. Where that is Interrupted, the Result is of what was
// seen so far; it is nil where that is nothing.
func (a *Anomaly) Run(ctx context.Context) (*Result, error) {
	res, err := a.run(ctx)
	if err == nil || ctx.Err() == nil {
		return res, err
	}
	if res == nil || res.Seen.Rows == 0 {
		return nil, &Interrupted{a.Table.File + " was read; no row of it was judged"}
	}
	return res, &Interrupted{fmt.Sprintf("rows of %s were judged; rows so far: %d", a.Table.File, res.Seen.Rows)}
}

func (a *Anomaly) run(ctx context.Context) (*Result, error) {
	total := 0
	if a.Skip.Share > 0 && !a.Sort {
		if a.Once {
			return nil, errors.New("--skip: a share needs a file, or --sort; say how many rows, such as --skip 400")
		}
		var err error
		if total, err = a.count(ctx); err != nil {
			return nil, err
		}
	}
	in, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	o := a.Table
	o.Unordered = a.Sort
	reader, err := table.New(in, o)
	if err != nil {
		return nil, err
	}
	var from rows = reader
	if a.Sort {
		all, err := sorted(ctx, reader)
		if err != nil {
			return nil, err
		}
		total = len(all.rows)
		from = all
	}
	res := &Result{Names: reader.Names(), Skipped: a.Skip.of(total), Tally: &score.Tally{Threshold: a.Threshold, Labels: o.Label != ""}}
	var set model.Settings
	if res.Kind, set, err = a.Choose(len(res.Names)); err != nil {
		return nil, err
	}
	run := &run{
		Anomaly: a, result: res, observer: newObserver(res.Kind, set, o.Zone, len(res.Names)), out: csv.NewWriter(a.Out),
	}
	in.idle = run.out.Flush
	if n := len(res.Names); n > 1 && a.Plot.File != "" {
		run.lanes = make([]chart.Series, min(n, chart.MostLanes))
	}
	err = run.all(ctx, from)
	res.Seen = reader.Seen()
	if a.Sort {
		res.Seen.Again = run.again
	}
	if err == nil && res.Seen.Rows == 0 {
		err = fmt.Errorf("%s: has no rows of readings", o.File)
		if len(o.Where) > 0 {
			err = fmt.Errorf("%s: has no rows of readings with %s, which --where asks for", o.File, strings.Join(o.Where, " and "))
		}
	}
	if n := res.Seen.Rows; err == nil && res.Skipped >= n {
		err = fmt.Errorf("--skip %d: %s has rows: %d, so that none is left to judge; want fewer, or a share such as 15%%", res.Skipped, o.File, n)
	}
	res.Skipped = min(res.Skipped, res.Seen.Rows) // of a file that was interrupted
	if err == nil && a.Plot.File != "" {
		err = a.draw(run)
	}
	return res, err
}

func (a *Anomaly) open(ctx context.Context) (*stream, error) {
	in, err := a.Open()
	if err != nil {
		return nil, err
	}
	return newStream(ctx, in, a.Once), nil
}

// count counts the rows that can be read, up to a mistake: what is wrong is said when they are judged.
func (a *Anomaly) count(ctx context.Context) (int, error) {
	in, err := a.open(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	r, err := table.New(in, a.Table)
	for err == nil && ctx.Err() == nil {
		_, err = r.Next()
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if r == nil {
		return 0, err
	}
	return r.Seen().Rows, nil
}

// kept are rows in memory.
type kept struct {
	rows  []table.Row
	again int
}

// sorted reads all rows and puts them in order; those of the same time stay in theirs.
func sorted(ctx context.Context, r *table.Reader) (*kept, error) {
	k := &kept{}
	for ctx.Err() == nil {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			slices.SortStableFunc(k.rows, func(a, b table.Row) int {
				switch {
				case a.Time < b.Time:
					return -1
				case a.Time > b.Time:
					return 1
				}
				return 0
			})
			for i := range k.rows {
				k.rows[i].Again = i > 0 && k.rows[i].Time == k.rows[i-1].Time
			}
			return k, nil
		}
		if err != nil {
			return nil, err
		}
		own := *row
		own.Values = slices.Clone(row.Values)
		k.rows = append(k.rows, own)
	}
	return nil, ctx.Err()
}

// Next implements rows.
func (k *kept) Next() (*table.Row, error) {
	if k.again == len(k.rows) {
		return nil, io.EOF
	}
	k.again++
	return &k.rows[k.again-1], nil
}

// run is a file on its way through a detector.
type run struct {
	*Anomaly
	result   *Result
	observer *observer
	out      *csv.Writer

	rows    int
	again   int
	first   int64
	verdict model.Verdict
	column  int
	cells   []string
	series  chart.Series
	lanes   []chart.Series // of several columns
}

func (r *run) all(ctx context.Context, from rows) error {
	r.cells = []string{"timestamp", "value", "anomaly_score", "expected", "lower", "upper"}
	if !r.observer.joint {
		r.cells = append(r.cells, "column")
	}
	if err := r.out.Write(r.cells); err != nil {
		return fmt.Errorf("writing the scores: %w", err)
	}
	for {
		row, err := from.Next()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			r.out.Flush()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return errors.Join(err, r.out.Error())
		}
		if err := r.row(row); err != nil {
			return fmt.Errorf("writing the scores: %w", err)
		}
	}
}

func (r *run) row(row *table.Row) error {
	if r.rows == 0 {
		r.first = row.Time
	}
	r.rows++
	if row.Again { // models see an instant once
		r.again++
	} else {
		r.verdict, r.column = r.observer.observe(row.Time, row.Values)
		if row.Time-r.first < r.Warmup.Milliseconds() {
			r.verdict.Score = min(r.verdict.Score, 1)
		}
	}
	counts := r.rows > r.result.Skipped
	if counts {
		r.result.Tally.Add(row.Time, r.verdict.Score, row.Labelled)
	}
	value := row.Values[r.column]
	if r.Plot.File != "" {
		r.series.Add(row.Time, value, r.verdict, counts)
		for i := range r.lanes {
			r.lanes[i].Add(row.Time, row.Values[i], r.observer.each[i], counts)
		}
	}
	v := r.verdict
	r.cells = append(r.cells[:0], row.Text, number(value, -1), number(v.Score, digits), number(v.Expected, digits), number(v.Lower, digits), number(v.Upper, digits))
	if !r.observer.joint {
		r.cells = append(r.cells, r.result.Names[r.column])
	}
	return r.out.Write(r.cells)
}

// digits are as many as anybody reads of what a model says.
const digits = 9

// number writes a value for people and programs, with so many digits, -1 for all; no value is nothing.
func number(v float64, digits int) string {
	const widest = 15
	if math.IsNaN(v) {
		return ""
	}
	text := strconv.FormatFloat(v, 'g', digits, 64)
	rounded, err := strconv.ParseFloat(text, 64)
	if err != nil || rounded != 0 && (math.Abs(rounded) >= math.Pow10(widest) || math.Abs(rounded) < math.Pow10(-widest)) {
		return text
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
