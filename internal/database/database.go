package database

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
	// checkedBytes is the size of a file that is checked from end to end when it is
	// opened; larger ones are when something seems to be wrong with them.
	checkedBytes = 256 << 20
	readers      = 4
)

// ErrDamaged says that the file is broken.
var ErrDamaged = errors.New("the file is damaged")

// Options say what is opened; all but Pragmas and Suspect are required.
type Options struct {
	// Path is the file; it is made if it is not there.
	Path string
	// Schema makes the tables of a new file, whose version is Version from then on.
	Schema  string
	Version int
	// Upgrades bring a file of an older version to the next: the first one of version 1
	// to 2, and so on. Each is done whole, or not at all.
	Upgrades []string
	// Probe is a query of one number that touches what a sound file has. It is asked
	// where the file is too large to be checked from end to end.
	Probe string
	// Pragmas are for the connection that writes, such as synchronous(FULL).
	Pragmas []string
	// Suspect has the file checked from end to end, however large it is.
	Suspect bool
}

// File is an open database. Write is one connection, whose transactions are
// immediate; Read are some that cannot write.
type File struct {
	Write, Read *sql.DB
	path        string
}

// Open opens a file, or makes it. An error is ErrDamaged where the file is no
// database any more.
func Open(ctx context.Context, o Options) (_ *File, err error) {
	f := &File{path: o.Path}
	f.Write, err = Connect(o.Path, "_txlock=immediate", 1, append([]string{
		"busy_timeout(5000)", "auto_vacuum(INCREMENTAL)", "journal_mode(WAL)",
		"foreign_keys(ON)", "journal_size_limit(67108864)", "cache_size(-16000)", "temp_store(MEMORY)"}, o.Pragmas...)...)
	if err != nil {
		return nil, err
	}
	f.Read, err = Connect(o.Path, "mode=ro", readers, "busy_timeout(5000)", "query_only(ON)", "cache_size(-4000)", "temp_store(MEMORY)")
	if err == nil {
		err = f.prepare(ctx, o)
	}
	if err != nil {
		return nil, errors.Join(err, f.Write.Close(), f.Read.Close())
	}
	return f, nil
}

// Connect opens connections to a file, with an option of the driver.
func Connect(path, option string, connections int, pragmas ...string) (*sql.DB, error) {
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

// prepare checks the file and makes its tables where it is new.
func (f *File) prepare(ctx context.Context, o Options) error {
	var has int
	if err := f.Write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&has); err != nil {
		return AsDamage(fmt.Errorf("open %s: %w", f.path, err))
	}
	switch {
	case has > o.Version:
		return fmt.Errorf("open %s: it was made by a newer Belfry (its version is %d, the newest known here %d)", f.path, has, o.Version)
	case has == 0:
		if _, err := f.Write.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", o.Schema, o.Version)); err != nil {
			return AsDamage(fmt.Errorf("make the tables of %s: %w", f.path, err))
		}
		return nil
	}
	if err := f.upgrade(ctx, o, has); err != nil {
		return err
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("open %s: %w", f.path, err)
	}
	if info.Size() > checkedBytes && !o.Suspect {
		var n int
		return AsDamage(f.Write.QueryRowContext(ctx, o.Probe).Scan(&n))
	}
	return f.check(ctx)
}

// upgrade brings an older file to the version of now.
func (f *File) upgrade(ctx context.Context, o Options, has int) error {
	for ; has < o.Version; has++ {
		if has > len(o.Upgrades) {
			return fmt.Errorf("open %s: nothing brings a file of version %d to %d", f.path, has, has+1)
		}
		tx, err := f.Write.BeginTx(ctx, nil)
		if err != nil {
			return AsDamage(fmt.Errorf("bring %s to version %d: %w", f.path, has+1, err))
		}
		_, err = tx.ExecContext(ctx, o.Upgrades[has-1])
		if err == nil {
			_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", has+1))
		}
		if err == nil {
			err = tx.Commit()
		}
		if err != nil {
			_ = tx.Rollback() // which a fault may have done already
			return AsDamage(fmt.Errorf("bring %s to version %d: %w", f.path, has+1, err))
		}
	}
	return nil
}

// check reads the whole file.
func (f *File) check(ctx context.Context) error {
	var said string
	if err := f.Write.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said); err != nil {
		return AsDamage(fmt.Errorf("check: %w", err))
	}
	if said != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, said)
	}
	return nil
}

// Close closes all connections.
func (f *File) Close() error { return errors.Join(f.Read.Close(), f.Write.Close()) }

// AsDamage adds ErrDamaged where SQLite has found the file to be broken.
func AsDamage(err error) error {
	switch Code(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Code is SQLite's primary code of an error, 0 where it is none of SQLite's.
func Code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// Full says whether the disk had no room.
func Full(err error) bool { return Code(err) == sqlite3.SQLITE_FULL }

// Lost says whether, after a fault of the disk, it is not known any more what the
// operating system holds of the file, so that it has to be opened again.
func Lost(err error) bool {
	switch Code(err) {
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return true
	}
	return false
}

// Unfit says whether what was to be written is to blame, and not the file.
func Unfit(err error) bool {
	switch Code(err) {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
		return true
	}
	return false
}

// Size is that of a file, in pages, and of a page in bytes.
type Size struct{ Pages, Free, Page int64 }

// Used is how many bytes are in use.
func (s Size) Used() int64 { return (s.Pages - s.Free) * s.Page }

// Measure says how large the file is.
func (f *File) Measure(ctx context.Context) (s Size, err error) {
	row := f.Write.QueryRowContext(ctx, "SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size")
	return s, row.Scan(&s.Pages, &s.Free, &s.Page)
}

// Settle has the file be no larger than its pages, of which somebody who was reading kept an earlier checkpoint; it does nothing
// where it is not, and not all while somebody reads.
func (f *File) Settle(ctx context.Context, size Size) error {
	info, err := os.Stat(f.path)
	if err != nil || info.Size() <= size.Pages*size.Page {
		return err
	}
	_, err = f.Write.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
	return err
}

// SetAside renames the files of a damaged database that is closed, and returns
// the new name.
func SetAside(path string, now time.Time) (string, error) {
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
