package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// view is a directory that lasts as long as somebody looks at it.
type view struct {
	dir  string
	lock *os.File
}

const viewNames = "belfry-backtest-*.tmp"

// newView makes one near a database, where its files can be linked to, or else where there is room.
func newView(database string) (*view, error) {
	near := database
	if filepath.Base(database) == "tsdb" {
		near = filepath.Dir(database)
	}
	sweep(near)
	dir, err := os.MkdirTemp(near, viewNames)
	if err != nil {
		dir, err = os.MkdirTemp("", viewNames)
	}
	if err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	v := &view{dir: dir}
	if v.lock, err = os.Create(filepath.Join(dir, "looking")); err == nil {
		err = unix.Flock(int(v.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, err), v.remove())
	}
	return v, nil
}

func (v *view) remove() error {
	if v.lock != nil {
		_ = v.lock.Close()
	}
	return os.RemoveAll(v.dir)
}

// sweep removes views of processes that were killed: they keep files on the disk that nobody needs.
func sweep(near string) {
	left, _ := filepath.Glob(filepath.Join(near, viewNames, "looking"))
	for _, name := range left {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(name))
		}
		_ = f.Close()
	}
}
