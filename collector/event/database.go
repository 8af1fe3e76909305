package event

import (
	"context"
	"path/filepath"

	"github.com/belfry-city/belfry/internal/database"
)

// version is that of the schema, in the header of the file.
const version = 1

const schema = `
CREATE TABLE events (
	seq         INTEGER PRIMARY KEY,
	id          TEXT NOT NULL UNIQUE,
	vendor      TEXT NOT NULL,
	asset       TEXT NOT NULL,
	source_id   TEXT NOT NULL,
	within      INTEGER NOT NULL,
	time        INTEGER NOT NULL,
	updated     INTEGER NOT NULL,
	ended       INTEGER NOT NULL,
	received    INTEGER NOT NULL,
	kind        TEXT NOT NULL,
	vendor_kind TEXT NOT NULL,
	domain      TEXT NOT NULL,
	severity    TEXT NOT NULL,
	team        TEXT NOT NULL,
	description TEXT NOT NULL,
	confidence  REAL NOT NULL,
	box         TEXT NOT NULL,
	snapshot    TEXT NOT NULL,
	picture     INTEGER NOT NULL,
	raw         BLOB
) STRICT;
CREATE INDEX events_time ON events (time, seq);
CREATE INDEX events_asset ON events (asset, time, seq);
CREATE INDEX events_kind ON events (kind, time, seq);
CREATE INDEX events_source ON events (vendor, asset, source_id, time);
CREATE INDEX events_received ON events (received);
CREATE TABLE pictures (
	event INTEGER PRIMARY KEY REFERENCES events (seq) ON DELETE CASCADE,
	type  TEXT NOT NULL,
	data  BLOB NOT NULL
) STRICT;
`

// file is where the events are, in a directory.
func file(dir string) string { return filepath.Join(dir, "events.db") }

// open opens the file in dir, or makes it. A large one is looked through from
// end to end only where it is suspect.
func open(ctx context.Context, dir string, noSync, suspect bool) (*database.File, error) {
	sync := "synchronous(FULL)"
	if noSync {
		sync = "synchronous(NORMAL)"
	}
	return database.Open(ctx, database.Options{
		Path: file(dir), Schema: schema, Version: version, Pragmas: []string{sync}, Suspect: suspect,
		Probe: "SELECT count(*) FROM (SELECT 1 FROM events ORDER BY time LIMIT 1)",
	})
}
