package hazard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/belfry-city/belfry/internal/database"
)

// Span is what is measured of a hazard.
type Span struct {
	// Group are the values of the columns that were asked for.
	Group []string
	// Opened is when its alert first fired, Resolved when it ended, Reading when the
	// reading was taken that broke the limit, Paged when somebody was first told.
	Opened, Resolved, Reading, Paged Instant
	// Reopened is how many times it came back.
	Reopened int
	// Previous is when the hazard before of the same asset and rule was opened.
	Previous Instant
}

// SpanQuery says of which hazards spans are asked for. Its Statuses are not looked at.
type SpanQuery struct {
	Filter
	// From and To bound when it was open at least for a moment; To is exclusive.
	From, To Instant
	// Text is as in Query.
	Text string
	// By are columns that each Span is to have: some of SpanColumns.
	By []string
}

// SpanColumns are what spans can be grouped by.
func SpanColumns() []string {
	return []string{"severity", "domain", "team", "rule", "asset", "district", "street", "community"}
}

// Spans calls yield for each hazard that was open at some time, in no order. The
// Span, but for its strings, is good until yield returns.
func (s *Store) Spans(ctx context.Context, q SpanQuery, yield func(*Span)) (err error) {
	query, args, err := q.sql()
	if err != nil {
		return err
	}
	db, release, err := s.reader()
	if err != nil {
		return err
	}
	defer release()
	rows, err := db.Read.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("measure hazards: %w", s.read(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	span := Span{Group: make([]string, len(q.By))}
	into := []any{&span.Opened, &span.Resolved, &span.Reading, &span.Paged, &span.Reopened, &span.Previous}
	for i := range span.Group {
		into = append(into, &span.Group[i])
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("measure hazards: %w", s.read(err))
		}
		yield(&span)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("measure hazards: %w", s.read(err))
	}
	return nil
}

func (q *SpanQuery) sql() (query string, args []any, err error) {
	columns := []string{"opened", "resolved", "reading", "paged", "reopened", "previous"}
	for _, by := range q.By {
		if !slices.Contains(SpanColumns(), by) {
			return "", nil, fmt.Errorf("measure hazards: no column %q", by)
		}
		columns = append(columns, by)
	}
	w := &database.Where{}
	w.And("(resolved = 0 OR resolved >= ?)", int64(q.From))
	w.And("opened < ?", int64(q.To))
	for _, c := range q.conditions() {
		if c.column != "status" {
			w.In(c.column, c.values)
		}
	}
	if q.Text != "" {
		w.And(`(SELECT text FROM hazards WHERE hazards.number = spans.number) LIKE ? ESCAPE '\'`, database.Containing(q.Text))
	}
	clause, args := w.SQL()
	return "SELECT " + strings.Join(columns, ", ") + " FROM spans" + clause, args, nil
}

// OpenAt counts the hazards that are open, or were at a time that is not 0, by asset
// and severity, in no order.
func (s *Store) OpenAt(ctx context.Context, at Instant, yield func(asset, severity string, count int)) (err error) {
	w := &database.Where{}
	if at == 0 {
		w.And("resolved = 0")
	} else {
		w.And("(resolved = 0 OR resolved > ?)", int64(at))
		w.And("opened <= ?", int64(at))
	}
	clause, args := w.SQL()
	db, release, err := s.reader()
	if err != nil {
		return err
	}
	defer release()
	rows, err := db.Read.QueryContext(ctx, "SELECT asset, severity, count(*) FROM spans"+clause+" GROUP BY +asset, +severity", args...)
	if err != nil {
		return fmt.Errorf("count open hazards: %w", s.read(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var asset, severity string
		var count int
		if err := rows.Scan(&asset, &severity, &count); err != nil {
			return fmt.Errorf("count open hazards: %w", s.read(err))
		}
		yield(asset, severity, count)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("count open hazards: %w", s.read(err))
	}
	return nil
}
