package history

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/tsdb"
)

// Database is a view of a database as it was when it was opened.
type Database struct {
	*tsdb.DB
	view *view
}

// Find finds the database in the data directory of a Belfry or a Prometheus.
func Find(dir string) (string, error) {
	for _, at := range []string{filepath.Join(dir, "tsdb"), dir} {
		entries, err := os.ReadDir(at)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if e.IsDir() && (e.Name() == "wal" || isBlock(e.Name())) {
				return at, nil
			}
		}
	}
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("--data: %w; want the data_dir of a Belfry, or a copy of it", err)
	}
	return "", fmt.Errorf("--data: %s has no database; want the data_dir of a Belfry, or a copy of it", dir)
}

func isBlock(name string) bool {
	_, err := ulid.ParseStrict(name)
	return err == nil
}

// Open makes a view of a database by links to its files, which a Belfry that runs never changes but by appending, and opens
// that: upstream's read-only database takes blocks of late samples for the end of what is in blocks, and misses what the log
// has of the time before.
func Open(dir string) (*Database, error) {
	const tries = 5 // files may be compacted away meanwhile
	var err error
	for range tries {
		var v *view
		if v, err = link(dir); err == nil {
			return open(v)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return nil, fmt.Errorf("looking at %s: %w", dir, err)
}

func open(v *view) (*Database, error) {
	o := tsdb.DefaultOptions()
	o.RetentionDuration, o.NoLockfile = 0, true
	db, err := tsdb.Open(v.dir, slog.New(slog.DiscardHandler), nil, o, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database: %w", err), v.remove())
	}
	db.DisableCompactions()
	return &Database{db, v}, nil
}

// Close gives the view up.
func (d *Database) Close() error { return errors.Join(d.DB.Close(), d.view.remove()) }

// Span is from when to when there are samples, in milliseconds since 1970.
func (d *Database) Span() (from, to int64, ok bool) {
	from, err := d.StartTime()
	to = d.Head().MaxTime()
	for _, b := range d.Blocks() {
		to = max(to, b.Meta().MaxTime-1)
	}
	return from, to, err == nil && from <= to
}

// link makes a directory with links to all that a database consists of. The log comes before the blocks: what is moved
// from the one to the other meanwhile is in both then, and not in neither.
func link(dir string) (v *view, err error) {
	if v, err = newView(dir); err != nil {
		return nil, err
	}
	for _, part := range []string{"wal", "wbl", "chunks_head"} {
		if err == nil {
			err = linkAll(filepath.Join(dir, part), filepath.Join(v.dir, part))
		}
	}
	if err == nil {
		err = linkBlocks(dir, v.dir)
	}
	if err != nil {
		return nil, errors.Join(err, v.remove())
	}
	return v, nil
}

func linkBlocks(dir, to string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || !isBlock(e.Name()) {
			continue
		}
		if err := linkAll(filepath.Join(dir, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// linkAll gives files a second name, which outlives the first, or where that cannot be, refers to them. What is not there
// is left out.
func linkAll(from, to string) error {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(at, 0o700)
		}
		if err := os.Link(path, at); err == nil || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		return os.Symlink(absolute, at)
	})
}
