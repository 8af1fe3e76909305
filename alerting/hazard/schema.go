package hazard

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// version is that of the schema, in the header of the file.
const version = 2

// schema: number is the id as a number, by which hazards are in the order in which
// they were opened. doc is the Hazard, and in events what it was after the event,
// for as long as followers may ask for it; said is the rest of the Event. trimmed
// is the newest event of which that is gone.
const schema = `
CREATE TABLE hazards (
	number    INTEGER PRIMARY KEY,
	opened    INTEGER NOT NULL,
	resolved  INTEGER NOT NULL,
	status    TEXT NOT NULL,
	severity  TEXT NOT NULL,
	domain    TEXT NOT NULL,
	team      TEXT NOT NULL,
	rule      TEXT NOT NULL,
	asset     TEXT NOT NULL,
	district  TEXT NOT NULL,
	street    TEXT NOT NULL,
	community TEXT NOT NULL,
	text      TEXT NOT NULL,
	doc       TEXT NOT NULL
) STRICT;
CREATE INDEX hazards_asset ON hazards (asset);
CREATE INDEX hazards_street ON hazards (street);
CREATE INDEX hazards_resolved ON hazards (resolved);
CREATE TABLE events (
	seq    INTEGER PRIMARY KEY,
	hazard INTEGER NOT NULL REFERENCES hazards (number) ON DELETE CASCADE,
	kept   INTEGER NOT NULL,
	said   TEXT NOT NULL,
	doc    TEXT
) STRICT;
CREATE INDEX events_hazard ON events (hazard, seq);
CREATE TABLE stream (trimmed INTEGER NOT NULL) STRICT;
` + spans

// spans are of hazards what is measured: they are small, so that a million can be
// counted. previous is when the hazard before of the same asset and rule was opened.
const spans = `
CREATE TABLE spans (
	number    INTEGER PRIMARY KEY REFERENCES hazards (number) ON DELETE CASCADE,
	opened    INTEGER NOT NULL,
	resolved  INTEGER NOT NULL,
	reading   INTEGER NOT NULL,
	paged     INTEGER NOT NULL,
	reopened  INTEGER NOT NULL,
	previous  INTEGER NOT NULL,
	severity  TEXT NOT NULL,
	domain    TEXT NOT NULL,
	team      TEXT NOT NULL,
	rule      TEXT NOT NULL,
	asset     TEXT NOT NULL,
	district  TEXT NOT NULL,
	street    TEXT NOT NULL,
	community TEXT NOT NULL
) STRICT;
CREATE INDEX spans_resolved ON spans (resolved);
CREATE INDEX spans_asset ON spans (asset, rule, number);
`

// upgradeToSpans makes the spans of the hazards of a file of version 1. What cannot
// be read of a hazard is as if it had not been.
const upgradeToSpans = spans + `
INSERT INTO spans SELECT number, opened, resolved,
	` + docInstant + `'$.first_reading'), 'subsec') * 1000) AS INTEGER), 0),
	` + docInstant + `'$.page_sent'), 'subsec') * 1000) AS INTEGER), 0),
	coalesce(CASE WHEN json_valid(doc) THEN json_extract(doc, '$.reopened') END, 0),
	CASE asset WHEN '' THEN 0 ELSE lag(opened, 1, 0) OVER (PARTITION BY asset, rule ORDER BY number) END,
	severity, domain, team, rule, asset, district, street, community FROM hazards;
`

const docInstant = "coalesce(CAST(round(unixepoch(json_extract(CASE WHEN json_valid(doc) THEN doc ELSE '{}' END, "

const (
	upsertHazard = `INSERT INTO hazards (number, opened, resolved, status, severity, domain, team, rule, asset, district, street, community, text, doc)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET resolved = excluded.resolved, status = excluded.status,
		text = excluded.text, doc = excluded.doc`
	upsertSpan = `INSERT INTO spans (number, opened, resolved, reading, paged, reopened, severity, domain, team, rule, asset, district, street, community, previous)
		VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14, CASE ?11 WHEN '' THEN 0 ELSE
		coalesce((SELECT opened FROM spans WHERE asset = ?11 AND rule = ?10 AND number < ?1 ORDER BY number DESC LIMIT 1), 0) END)
		ON CONFLICT DO UPDATE SET resolved = excluded.resolved, paged = excluded.paged, reopened = excluded.reopened`
	insertEvent = `INSERT INTO events (seq, hazard, kept, said, doc) VALUES (?,?,?,?,?)`
)

// row is a hazard in the order of upsertHazard.
func row(h *Hazard, doc []byte) []any {
	text := strings.Join([]string{h.ID, h.Asset, h.Name, h.NameZH, h.Rule, h.Summary, h.SummaryZH}, "\n")
	return []any{number40(h.ID), int64(h.Opened), int64(h.Resolved), string(h.Status), h.Severity, h.Domain, h.Team, h.Rule,
		h.Asset, h.District, h.Street, h.Community, text, string(doc)}
}

// span is a hazard in the order of upsertSpan.
func span(h *Hazard) []any {
	return []any{number40(h.ID), int64(h.Opened), int64(h.Resolved), int64(h.FirstReading), int64(h.PageSent), h.Reopened,
		h.Severity, h.Domain, h.Team, h.Rule, h.Asset, h.District, h.Street, h.Community}
}

// begin gets ready to write to a file that was opened: it takes up the numbers of
// events where they are, or after those that a lost file can have had, for they
// grow by less than one in a millisecond. The caller holds dbMu or is alone.
func (s *Store) begin() error {
	ctx := context.Background()
	now := s.opts.Now().UnixMilli()
	var trimmed, newest sql.NullInt64
	err := s.db.Write.QueryRowContext(ctx, "SELECT (SELECT trimmed FROM stream), (SELECT max(seq) FROM events)").Scan(&trimmed, &newest)
	if err != nil {
		return fmt.Errorf("read the database of hazards: %w", s.read(err))
	}
	if !trimmed.Valid {
		trimmed.Int64 = max(now, s.w.seq)
		if _, err := s.db.Write.ExecContext(ctx, "INSERT INTO stream VALUES (?)", trimmed.Int64); err != nil {
			return fmt.Errorf("begin the database of hazards: %w", err)
		}
	}
	last := max(trimmed.Int64, newest.Int64)
	s.w.seq = max(s.w.seq, last, now)
	s.feed.reset(trimmed.Int64, last)
	return nil
}

// load takes the hazards that are open, and those that may open again, into the
// book.
func (s *Store) load() (err error) {
	if err := s.begin(); err != nil {
		return err
	}
	ctx, now := context.Background(), s.opts.Now()
	var newest sql.NullInt64
	if err := s.db.Write.QueryRowContext(ctx, "SELECT max(number) FROM hazards").Scan(&newest); err != nil {
		return fmt.Errorf("read the hazards: %w", s.read(err))
	}
	if newest.Valid {
		s.book.ids.after(formatID(uint64(newest.Int64)))
	}
	rows, err := s.db.Write.QueryContext(ctx, "SELECT doc FROM hazards WHERE resolved = 0 OR resolved >= ? ORDER BY number",
		now.Add(-s.opts.Reopen).UnixMilli())
	if err != nil {
		return fmt.Errorf("read the hazards: %w", s.read(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		h, err := scan(rows)
		if errors.Is(err, errDoc) { // its row is sound, and so is the rest
			s.opts.Logger.Error("a hazard is not known any more", "err", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("read the hazards: %w", s.read(err))
		}
		s.book.restore(*h, now.Add(patience))
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the hazards: %w", s.read(err))
	}
	return nil
}

var errDoc = errors.New("what is kept of a hazard cannot be read")

// scan reads a doc.
func scan(from interface{ Scan(...any) error }) (*Hazard, error) {
	var doc []byte
	if err := from.Scan(&doc); err != nil {
		return nil, err
	}
	var h Hazard
	if err := json.Unmarshal(doc, &h); err != nil {
		return nil, fmt.Errorf("%w: %w", errDoc, err)
	}
	return &h, nil
}
