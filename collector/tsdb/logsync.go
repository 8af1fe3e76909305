package tsdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/prometheus/prometheus/tsdb/wlog"
)

// logSync brings the segments of one write log to disk through file
// descriptors of its own, since upstream keeps its own to itself and syncs a
// finished segment only some time after rotation. It is used by one goroutine.
type logSync struct {
	dir      string
	syncFile func(*os.File) error

	file  *os.File // the newest segment seen
	index int      // of file; -1 before the first
	size  int64    // of file, up to which it is on disk
}

func newLogSync(dir string, syncFile func(*os.File) error) *logSync {
	return &logSync{dir: dir, syncFile: syncFile, index: -1}
}

// sync returns when every byte that was in the log before the call is on disk.
// A segment that is gone by then was truncated by upstream, which does so only
// after its content is in a block or checkpoint.
func (l *logSync) sync() error {
	first, last, err := wlog.Segments(l.dir)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && last < 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list segments of %s: %w", l.dir, err)
	}
	if l.file != nil {
		if err := l.syncCurrent(); err != nil {
			return err
		}
	}
	rotated := false
	for i := max(first, l.index+1); i <= last; i++ {
		if err := l.open(i); err != nil {
			return err
		}
		if err := l.syncCurrent(); err != nil {
			return err
		}
		rotated = true
	}
	if rotated {
		return syncDir(l.dir, l.syncFile)
	}
	return nil
}

func (l *logSync) open(index int) error {
	f, err := os.Open(wlog.SegmentName(l.dir, index))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open segment to sync it: %w", err)
	}
	if l.file != nil {
		_ = l.file.Close()
	}
	l.file, l.index, l.size = f, index, -1
	return nil
}

func (l *logSync) syncCurrent() error {
	if l.file == nil {
		return nil
	}
	info, err := l.file.Stat()
	if err != nil {
		return fmt.Errorf("ask size of %s: %w", l.file.Name(), err)
	}
	if info.Size() == l.size {
		return nil
	}
	if err := l.syncFile(l.file); err != nil {
		return fmt.Errorf("sync %s: %w", l.file.Name(), err)
	}
	l.size = info.Size()
	return nil
}

func (l *logSync) close() {
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
}

func syncDir(dir string, syncFile func(*os.File) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open directory to sync it: %w", err)
	}
	defer func() { _ = d.Close() }()
	if err := syncFile(d); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}

// syncTree brings all files below dir to disk. What a crashed process had
// written but not synced is replayed at the next start, and a repetition of it
// is then an exact duplicate that is acknowledged without a new record.
func syncTree(dir string, syncFile func(*os.File) error) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		return syncFile(f)
	})
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
