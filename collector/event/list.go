package event

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/belfry-city/belfry/collector/reading"
)

// Record is an event as it is kept. Times are in milliseconds; End is 0 while
// it lasts, or where nobody says when it ends.
type Record struct {
	ID                           string
	Vendor, Asset                string
	Time, Updated, End, Received int64
	Kind, VendorKind             string
	Domain, Severity, Team       string
	Description                  string
	Confidence                   float64 // negative: unknown
	Box                          *reading.Box
	Snapshot                     string // what the sender says of where a picture is
	HasPicture                   bool
}

// Query says which events are asked for. An empty list means any.
type Query struct {
	// From and To bound the time of the event, in milliseconds; To is exclusive.
	// 0: no bound.
	From, To                                           int64
	Assets, Kinds, Domains, Teams, Severities, Vendors []string
	// Text is looked for in what people read of an event. KindsOfText are the
	// kinds whose names have it.
	Text        string
	KindsOfText []string
	// Limit is how many are given, at least 1.
	Limit int
	// Cursor is where the page before has ended; "" for the first.
	Cursor string
}

// ErrBadCursor says that a cursor is none that List has given.
var ErrBadCursor = errors.New("no cursor of a page of events")

// List gives events, the newest first. next is the cursor of the following
// page, or "".
func (s *Store) List(ctx context.Context, q Query) (events []Record, next string, err error) {
	where, args, err := q.where()
	if err != nil {
		return nil, "", err
	}
	db, release, err := s.reader()
	if err != nil {
		return nil, "", err
	}
	defer release()
	rows, err := db.Read.QueryContext(ctx, "SELECT "+columns+" FROM events"+where+" ORDER BY time DESC, seq DESC LIMIT ?", append(args, q.Limit+1)...)
	if err != nil {
		return nil, "", fmt.Errorf("list events: %w", s.read(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var last *row
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, "", fmt.Errorf("list events: %w", s.read(err))
		}
		if len(events) == q.Limit {
			return events, cursor(last), nil
		}
		events, last = append(events, r.Record), r
	}
	if err := rows.Err(); err != nil {
		return nil, "", fmt.Errorf("list events: %w", s.read(err))
	}
	return events, "", nil
}

func cursor(r *row) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", r.Time, r.seq))
}

func (q Query) where() (string, []any, error) {
	var conditions []string
	var args []any
	and := func(condition string, values ...any) {
		conditions = append(conditions, condition)
		args = append(args, values...)
	}
	if q.Cursor != "" {
		text, err := base64.RawURLEncoding.DecodeString(q.Cursor)
		var t, seq int64
		if n, _ := fmt.Sscanf(string(text), "%d.%d", &t, &seq); err != nil || n != 2 {
			return "", nil, ErrBadCursor
		}
		and("(time, seq) < (?, ?)", t, seq)
	}
	if q.From != 0 {
		and("time >= ?", q.From)
	}
	if q.To != 0 && q.To != math.MaxInt64 {
		and("time < ?", q.To)
	}
	for _, f := range []struct {
		column string
		values []string
	}{
		{"asset", q.Assets}, {"kind", q.Kinds}, {"domain", q.Domains}, {"team", q.Teams}, {"severity", q.Severities}, {"vendor", q.Vendors},
	} {
		if len(f.values) > 0 {
			and(f.column+" IN ("+marks(len(f.values))+")", anys(f.values)...)
		}
	}
	if q.Text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(q.Text) + "%"
		condition := `(description LIKE ? ESCAPE '\' OR vendor_kind LIKE ? ESCAPE '\' OR asset LIKE ? ESCAPE '\'`
		values := []any{like, like, like}
		if len(q.KindsOfText) > 0 {
			condition += " OR kind IN (" + marks(len(q.KindsOfText)) + ")"
			values = append(values, anys(q.KindsOfText)...)
		}
		and(condition+")", values...)
	}
	if len(conditions) == 0 {
		return "", nil, nil
	}
	return " WHERE " + strings.Join(conditions, " AND "), args, nil
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

func anys(values []string) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}

// Get returns an event, with the sender's message.
func (s *Store) Get(ctx context.Context, id string) (Record, []byte, error) {
	db, release, err := s.reader()
	if err != nil {
		return Record{}, nil, err
	}
	defer release()
	var raw []byte
	r, err := scan(db.Read.QueryRowContext(ctx, "SELECT "+columns+", raw FROM events WHERE id = ?", id), &raw)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, nil, ErrNotFound
	}
	if err != nil {
		return Record{}, nil, fmt.Errorf("read an event: %w", s.read(err))
	}
	return r.Record, raw, nil
}

// Picture returns the picture of an event, and its type, such as image/jpeg.
func (s *Store) Picture(ctx context.Context, id string) (data []byte, contentType string, err error) {
	db, release, err := s.reader()
	if err != nil {
		return nil, "", err
	}
	defer release()
	err = db.Read.QueryRowContext(ctx, "SELECT data, type FROM pictures JOIN events ON events.seq = pictures.event WHERE id = ?", id).Scan(&data, &contentType)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, "", ErrNotFound
	}
	if err != nil {
		return nil, "", fmt.Errorf("read a picture: %w", s.read(err))
	}
	return data, contentType, nil
}
