package event

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/reading"
)

// tx is one transaction.
type tx struct {
	ctx  context.Context
	sql  *sql.Tx
	opts Options
	now  int64
}

// Bounds of texts, in bytes. What is longer is cut; an ID is replaced by its
// hash.
const (
	maxID          = 200
	maxVendorKind  = 200
	maxDescription = 2000
	maxSnapshot    = 2000
)

// add stores an event, or what its message says anew of one that is there.
func (t *tx) add(e *reading.Event) error {
	n := t.fresh(e)
	old, err := t.find(&n)
	switch {
	case err != nil:
		return err
	case old == nil && n.within > 0 && e.Phase == reading.PhaseEnd:
		return nil // the end of nothing
	case old == nil:
		return t.insert(&n, e)
	}
	return t.update(old, &n, e)
}

// row is an event in the database.
type row struct {
	seq      int64
	sourceID string
	within   int64
	hasPic   bool
	raw      []byte
	Record
}

func (t *tx) fresh(e *reading.Event) row {
	n := row{
		sourceID: clean(e.ID, 1<<20), within: e.Within,
		raw: cutRaw(e.Raw, t.opts.MaxRaw),
		Record: Record{
			Vendor: clean(e.Vendor, maxID), Asset: clean(e.Asset, 1<<20), Time: t.past(e.Time), Updated: t.past(e.Updated), End: t.past(e.End), Received: t.now,
			Kind: clean(e.Kind, maxID), VendorKind: clean(e.VendorKind, maxVendorKind), Domain: e.Domain, Severity: e.Severity, Team: e.Team,
			Description: clean(e.Description, maxDescription), Confidence: e.Confidence, Box: e.Box, Snapshot: clean(e.Snapshot, maxSnapshot),
		},
	}
	if len(n.sourceID) > maxID {
		n.sourceID = hash(n.sourceID)
	}
	if len(n.Asset) > maxID {
		n.Asset = clean(n.Asset, maxID-33) + " " + hash(n.Asset)
	}
	if n.Updated == 0 {
		n.Updated = n.Time
	}
	if e.Phase == reading.PhaseEnd && n.End == 0 {
		n.End = n.Updated
	}
	n.Updated = max(n.Updated, n.Time, n.End)
	if n.sourceID == "" {
		n.sourceID = "content-" + hash(strconv.FormatInt(e.Time, 10), n.Kind, n.VendorKind, n.Description, string(e.Raw))
	}
	n.ID = hash(n.Vendor, n.Asset, n.sourceID)
	if n.within > 0 {
		n.ID = hash(n.Vendor, n.Asset, n.sourceID, strconv.FormatInt(n.Time, 10))
	}
	return n
}

// past is a time that the sender gives, or now where its clock is ahead: such an
// event would stay in front of all others.
func (t *tx) past(ms int64) int64 {
	if ms > t.now+t.opts.Early.Milliseconds() {
		return t.now
	}
	return ms
}

// clean makes text fit for the database: valid, and not longer than most.
func clean(text string, most int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= most {
		return strings.Clone(text)
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

func cutRaw(raw []byte, most int) []byte {
	const mark = "…"
	if len(raw) <= most {
		return raw
	}
	end := max(0, most-len(mark))
	for end > 0 && !utf8.RuneStart(raw[end]) {
		end--
	}
	cut := append(make([]byte, 0, most+len(mark)), raw[:end]...)
	if end+len(mark) <= most {
		cut = append(cut, mark...)
	}
	return cut
}

func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

const columns = `seq, id, vendor, asset, source_id, within, time, updated, ended, received, kind, vendor_kind, domain, severity, team,
	description, confidence, box, snapshot, picture`

func scan(from interface{ Scan(...any) error }, more ...any) (*row, error) {
	var r row
	var box string
	err := from.Scan(append([]any{&r.seq, &r.ID, &r.Vendor, &r.Asset, &r.sourceID, &r.within, &r.Time, &r.Updated, &r.End, &r.Received,
		&r.Kind, &r.VendorKind, &r.Domain, &r.Severity, &r.Team, &r.Description, &r.Confidence, &box, &r.Snapshot, &r.hasPic}, more...)...)
	if err != nil {
		return nil, err
	}
	if box != "" {
		var b [4]float64
		if err := json.Unmarshal([]byte(box), &b); err != nil {
			return nil, fmt.Errorf("box of event %s: %w", r.ID, err)
		}
		r.Box = &reading.Box{X: b[0], Y: b[1], Width: b[2], Height: b[3]}
	}
	r.HasPicture = r.hasPic
	return &r, nil
}

func boxText(b *reading.Box) string {
	if b == nil {
		return ""
	}
	text, err := json.Marshal([4]float64{b.X, b.Y, b.Width, b.Height})
	if err != nil { // not finite
		return ""
	}
	return string(text)
}

// find looks for the event that n is a message of.
func (t *tx) find(n *row) (*row, error) {
	var found *sql.Row
	if n.within == 0 {
		found = t.sql.QueryRowContext(t.ctx, "SELECT "+columns+" FROM events WHERE id = ?", n.ID)
	} else {
		found = t.sql.QueryRowContext(t.ctx, "SELECT "+columns+` FROM events
			WHERE vendor = ? AND asset = ? AND source_id = ? AND within > 0 AND time <= ? AND updated >= ? ORDER BY time DESC LIMIT 1`,
			n.Vendor, n.Asset, n.sourceID, n.Updated+n.within, n.Time-n.within)
	}
	r, err := scan(found)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for an event: %w", err)
	}
	return r, nil
}

func (t *tx) insert(n *row, e *reading.Event) error {
	picture := t.fits(e)
	res, err := t.sql.ExecContext(t.ctx, `INSERT INTO events (id, vendor, asset, source_id, within, time, updated, ended, received, kind, vendor_kind,
		domain, severity, team, description, confidence, box, snapshot, picture, raw) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		n.ID, n.Vendor, n.Asset, n.sourceID, n.within, n.Time, n.Updated, n.End, n.Received, n.Kind, n.VendorKind,
		n.Domain, n.Severity, n.Team, n.Description, n.Confidence, boxText(n.Box), n.Snapshot, picture, n.raw)
	if err != nil {
		return fmt.Errorf("add an event: %w", err)
	}
	if !picture {
		return nil
	}
	seq, err := res.LastInsertId()
	if err != nil {
		return fmt.Errorf("add an event: %w", err)
	}
	return t.keepPicture(seq, e)
}

func (t *tx) fits(e *reading.Event) bool {
	return len(e.Picture) > 0 && len(e.Picture) <= t.opts.MaxPicture
}

func (t *tx) keepPicture(seq int64, e *reading.Event) error {
	_, err := t.sql.ExecContext(t.ctx, "INSERT INTO pictures (event, type, data) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET type = excluded.type, data = excluded.data",
		seq, e.PictureType, e.Picture)
	if err != nil {
		return fmt.Errorf("keep a picture: %w", err)
	}
	return nil
}

// update brings what another message says into an event. In whatever order
// messages come, and however often, the result is the same: the newest says
// what it is, the most confident where it is.
func (t *tx) update(old, n *row, e *reading.Event) error {
	m := *old
	m.Time = min(old.Time, n.Time)
	m.Updated = max(old.Updated, n.Updated)
	newer := n.Updated >= old.Updated
	if n.End > 0 {
		m.End = max(old.End, n.End)
	}
	if n.within > 0 && e.Phase != reading.PhaseEnd && m.End > 0 && n.Updated > m.End {
		m.End = 0 // it has begun again
	}
	if newer && (n.Kind != "unknown" || old.Kind == "unknown") {
		m.Kind, m.VendorKind, m.Domain, m.Severity, m.Team = n.Kind, n.VendorKind, n.Domain, n.Severity, n.Team
	}
	if newer && n.Description != "" || old.Description == "" {
		m.Description = n.Description
	}
	if n.Snapshot != "" && (newer || old.Snapshot == "") {
		m.Snapshot = n.Snapshot
	}
	surer := n.Confidence > old.Confidence
	if n.Box != nil && (surer || old.Box == nil) {
		m.Box = n.Box
	}
	m.Confidence = max(old.Confidence, n.Confidence)
	picture := t.fits(e) && (surer || !old.hasPic)
	m.hasPic = old.hasPic || picture
	newRaw := newer && len(n.raw) > 0
	says := picture || newRaw && n.Updated > old.Updated || boxText(m.Box) != boxText(old.Box) || !m.same(old)
	if !says {
		return nil // as when a message is sent again
	}
	m.Received = t.now
	_, err := t.sql.ExecContext(t.ctx, `UPDATE events SET time = ?, updated = ?, ended = ?, received = ?, kind = ?, vendor_kind = ?, domain = ?,
		severity = ?, team = ?, description = ?, confidence = ?, box = ?, snapshot = ?, picture = ? WHERE seq = ?`,
		m.Time, m.Updated, m.End, m.Received, m.Kind, m.VendorKind, m.Domain,
		m.Severity, m.Team, m.Description, m.Confidence, boxText(m.Box), m.Snapshot, m.hasPic, old.seq)
	if err == nil && newRaw {
		_, err = t.sql.ExecContext(t.ctx, "UPDATE events SET raw = ? WHERE seq = ?", n.raw, old.seq)
	}
	if err != nil {
		return fmt.Errorf("update an event: %w", err)
	}
	if !picture {
		return nil
	}
	return t.keepPicture(old.seq, e)
}

// same compares all but the box.
func (r row) same(o *row) bool {
	a, b := r.Record, o.Record
	a.Box, b.Box = nil, nil
	return a == b
}
