package event

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"math"

	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/database"
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
	where, err := q.where()
	if err != nil {
		return nil, "", err
	}
	clause, args := where.SQL()
	db, release, err := s.reader()
	if err != nil {
		return nil, "", err
	}
	defer release()
	rows, err := db.Read.QueryContext(ctx, "SELECT "+columns+" FROM events"+clause+" ORDER BY time DESC, seq DESC LIMIT ?", append(args, q.Limit+1)...)
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

func (q Query) where() (*database.Where, error) {
	w := &database.Where{}
	if q.Cursor != "" {
		text, err := base64.RawURLEncoding.DecodeString(q.Cursor)
		var t, seq int64
		if n, _ := fmt.Sscanf(string(text), "%d.%d", &t, &seq); err != nil || n != 2 {
			return nil, ErrBadCursor
		}
		w.And("(time, seq) < (?, ?)", t, seq)
	}
	if q.From != 0 {
		w.And("time >= ?", q.From)
	}
	if q.To != 0 && q.To != math.MaxInt64 {
		w.And("time < ?", q.To)
	}
	w.In("asset", q.Assets)
	w.In("kind", q.Kinds)
	w.In("domain", q.Domains)
	w.In("team", q.Teams)
	w.In("severity", q.Severities)
	w.In("vendor", q.Vendors)
	if q.Text != "" {
		like := database.Containing(q.Text)
		condition, values := `description LIKE ? ESCAPE '\' OR vendor_kind LIKE ? ESCAPE '\' OR asset LIKE ? ESCAPE '\'`, []any{like, like, like}
		if len(q.KindsOfText) > 0 {
			in, kinds := database.In("kind", q.KindsOfText)
			condition, values = condition+" OR "+in, append(values, kinds...)
		}
		w.And("("+condition+")", values...)
	}
	return w, nil
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
