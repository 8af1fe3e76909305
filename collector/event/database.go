package event

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	fileName = "events.db"
	// version is that of the schema, in the header of the file.
	version = 1
	// checkedBytes is the size of a database that is checked from end to end at
	// the start; larger ones are when something seems to be wrong with them.
	checkedBytes = 256 << 20
	readers      = 4
)

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

// database is an open file: one connection that writes, some that read.
type database struct {
	write, read *sql.DB
}

func (d *database) close() error {
	return errors.Join(d.read.Close(), d.write.Close())
}

// open opens the file in dir, or makes it. errDamaged says that it is no
// database any more; a large one is looked through from end to end only where
// it is suspect.
func open(ctx context.Context, dir string, noSync, suspect bool) (_ *database, err error) {
	sync := "FULL"
	if noSync {
		sync = "NORMAL"
	}
	path := filepath.Join(dir, fileName)
	d := &database{}
	d.write, err = connect(path, "_txlock=immediate", 1,
		"busy_timeout(5000)", "auto_vacuum(INCREMENTAL)", "journal_mode(WAL)", "synchronous("+sync+")",
		"foreign_keys(ON)", "journal_size_limit(67108864)", "cache_size(-16000)", "temp_store(MEMORY)")
	if err != nil {
		return nil, err
	}
	d.read, err = connect(path, "mode=ro", readers, "busy_timeout(5000)", "query_only(ON)", "cache_size(-4000)", "temp_store(MEMORY)")
	if err == nil {
		err = d.prepare(ctx, path, suspect)
	}
	if err != nil {
		return nil, errors.Join(err, d.write.Close(), d.read.Close())
	}
	return d, nil
}

func connect(path, option string, connections int, pragmas ...string) (*sql.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	q := url.Values{"_pragma": pragmas}
	dsn := (&url.URL{Scheme: "file", Path: absolute, RawQuery: q.Encode() + "&" + option}).String()
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// errDamaged says that the file is broken.
var errDamaged = errors.New("the file is damaged")

// prepare checks the file and makes its tables where it is new.
func (d *database) prepare(ctx context.Context, path string, suspect bool) error {
	var has int
	if err := d.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&has); err != nil {
		return asDamage(fmt.Errorf("open %s: %w", path, err))
	}
	switch {
	case has > version:
		return fmt.Errorf("open %s: it was made by a newer Belfry (its version is %d, the newest known here %d)", path, has, version)
	case has == 0:
		if _, err := d.write.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", schema, version)); err != nil {
			return asDamage(fmt.Errorf("make the tables of %s: %w", path, err))
		}
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if info.Size() > checkedBytes && !suspect {
		var n int
		err := d.write.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM events ORDER BY time LIMIT 1)").Scan(&n)
		return asDamage(err)
	}
	return d.check(ctx)
}

// check reads the whole file.
func (d *database) check(ctx context.Context) error {
	var said string
	if err := d.write.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said); err != nil {
		return asDamage(fmt.Errorf("check: %w", err))
	}
	if said != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, said)
	}
	return nil
}

// asDamage adds errDamaged where SQLite has found the file to be broken.
func asDamage(err error) error {
	switch code(err) & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return err
}

func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// setAside renames the database's files, and returns the new name.
func setAside(dir string, now time.Time) (string, error) {
	path := filepath.Join(dir, fileName)
	aside := path + ".damaged-" + now.UTC().Format("20060102T150405.000")
	if err := os.Rename(path, aside); err != nil {
		return "", fmt.Errorf("set a damaged database aside: %w", err)
	}
	for _, more := range []string{"-wal", "-shm"} {
		if err := os.Rename(path+more, aside+more); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("set a damaged database aside: %w", err)
		}
	}
	return aside, nil
}
