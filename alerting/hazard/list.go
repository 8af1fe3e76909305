package hazard

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/belfry-city/belfry/internal/database"
	"github.com/belfry-city/belfry/internal/filter"
)

// Filter says which hazards are meant. An empty list means any; a value that begins
// with filter.Not is not meant.
type Filter struct {
	Statuses, Severities, Domains, Teams, Rules, Assets, Districts, Streets, Communities []string
}

// Query says which hazards are asked for.
type Query struct {
	Filter
	// From and To bound when it was opened; To is exclusive. 0: no bound.
	From, To Instant
	// Text is looked for in what people read of a hazard.
	Text string
	// Limit is how many are given, at least 1.
	Limit int
	// Cursor is where the page before has ended; "" for the first.
	Cursor string
}

// condition is one part of a Filter.
type condition struct {
	column string
	values []string
	of     func(*Hazard) string
}

func (f *Filter) conditions() []condition {
	return []condition{
		{"status", f.Statuses, func(h *Hazard) string { return string(h.Status) }},
		{"severity", f.Severities, func(h *Hazard) string { return h.Severity }},
		{"domain", f.Domains, func(h *Hazard) string { return h.Domain }},
		{"team", f.Teams, func(h *Hazard) string { return h.Team }},
		{"rule", f.Rules, func(h *Hazard) string { return h.Rule }},
		{"asset", f.Assets, func(h *Hazard) string { return h.Asset }},
		{"district", f.Districts, func(h *Hazard) string { return h.District }},
		{"street", f.Streets, func(h *Hazard) string { return h.Street }},
		{"community", f.Communities, func(h *Hazard) string { return h.Community }},
	}
}

// Match says whether a hazard is meant.
func (f *Filter) Match(h *Hazard) bool {
	for _, c := range f.conditions() {
		if !filter.Allows(c.values, c.of(h)) {
			return false
		}
	}
	return true
}

// List gives hazards, those that were opened last first; next is the cursor of the
// following page, or "".
func (s *Store) List(ctx context.Context, q Query) (hazards []Hazard, next string, err error) {
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
	rows, err := db.Read.QueryContext(ctx, "SELECT doc FROM hazards"+clause+" ORDER BY number DESC LIMIT ?", append(args, q.Limit+1)...)
	if err != nil {
		return nil, "", fmt.Errorf("list hazards: %w", s.read(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if len(hazards) == q.Limit {
			last := strconv.FormatInt(number40(hazards[len(hazards)-1].ID), 36)
			return hazards, base64.RawURLEncoding.EncodeToString([]byte(last)), nil
		}
		h, err := scan(rows)
		if err != nil {
			return nil, "", fmt.Errorf("list hazards: %w", s.read(err))
		}
		h.URL = s.url(h.ID)
		hazards = append(hazards, *h)
	}
	if err := rows.Err(); err != nil {
		return nil, "", fmt.Errorf("list hazards: %w", s.read(err))
	}
	return hazards, "", nil
}

func (q *Query) where() (*database.Where, error) {
	w := &database.Where{}
	if q.Cursor != "" {
		text, err := base64.RawURLEncoding.DecodeString(q.Cursor)
		number, wrong := strconv.ParseInt(string(text), 36, 64)
		if err != nil || wrong != nil || number < 0 {
			return nil, ErrBadCursor
		}
		w.And("number < ?", number)
	}
	if q.From != 0 {
		w.And("opened >= ?", int64(q.From))
	}
	if q.To != 0 {
		w.And("opened < ?", int64(q.To))
	}
	for _, c := range q.conditions() {
		w.In(c.column, c.values)
	}
	if q.Text != "" {
		w.And(`text LIKE ? ESCAPE '\'`, database.Containing(q.Text))
	}
	return w, nil
}

// Has says whether there is a hazard with a value of a column, which is one of
// severity, domain and team.
func (s *Store) Has(ctx context.Context, column, value string) (bool, error) {
	if !slices.Contains([]string{"severity", "domain", "team"}, column) {
		return false, fmt.Errorf("look for hazards: no column %q", column)
	}
	db, release, err := s.reader()
	if err != nil {
		return false, err
	}
	defer release()
	var one int
	err = db.Read.QueryRowContext(ctx, "SELECT 1 FROM hazards WHERE "+column+" = ? LIMIT 1", value).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for hazards: %w", s.read(err))
	}
	return true, nil
}

// MostHistory bounds how many events Get returns, and how many are kept of a hazard
// for longer than followers need them.
const MostHistory = 1000

// Get returns a hazard and what has happened to it, in order, at most the newest
// MostHistory. One that the disk
// has not taken yet comes without its history.
func (s *Store) Get(ctx context.Context, id string) (Hazard, []Event, error) {
	h, history, err := s.get(ctx, id)
	if err == nil {
		return h, history, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.book.byID[id]
	if e == nil {
		return Hazard{}, nil, err
	}
	h = *e.copied()
	h.URL = s.url(id)
	return h, []Event{}, nil
}

func (s *Store) get(ctx context.Context, id string) (h Hazard, history []Event, err error) {
	if ParseID(id) != id || len(id) != idDigits+1 {
		return h, nil, ErrNotFound
	}
	db, release, err := s.reader()
	if err != nil {
		return h, nil, err
	}
	defer release()
	found, err := scan(db.Read.QueryRowContext(ctx, "SELECT doc FROM hazards WHERE number = ?", number40(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return h, nil, ErrNotFound
	}
	if err != nil {
		return h, nil, fmt.Errorf("read a hazard: %w", s.read(err))
	}
	h, history = *found, []Event{}
	h.URL = s.url(h.ID)
	rows, err := db.Read.QueryContext(ctx, `SELECT said FROM
		(SELECT seq, said FROM events WHERE hazard = ? ORDER BY seq DESC LIMIT ?) ORDER BY seq`, number40(id), MostHistory)
	if err != nil {
		return h, nil, fmt.Errorf("read the history of a hazard: %w", s.read(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var said []byte
		var e Event
		if err := rows.Scan(&said); err != nil {
			return h, nil, fmt.Errorf("read the history of a hazard: %w", s.read(err))
		}
		if err := json.Unmarshal(said, &e); err != nil {
			return h, nil, fmt.Errorf("read the history of a hazard: %w", err)
		}
		history = append(history, e)
	}
	if err := rows.Err(); err != nil {
		return h, nil, fmt.Errorf("read the history of a hazard: %w", s.read(err))
	}
	return h, history, nil
}
