package tsdb

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/prometheus/tsdb/wlog"
)

// tornSegments is how many segments at the end of a log are read for a torn
// record. Records do not cross segments, and after a failed write nothing more
// than what was then under way is written.
const tornSegments = 3

// cutTornTail removes a record that a crash left unfinished at the end of a
// write log. Upstream would do so too, but it rewrites the segment without
// syncing it before the original is deleted, and it skips the out-of-order log
// for the rest of that run when the WAL was torn; both can lose acknowledged
// samples. Segments after the torn one hold nothing acknowledged; they are
// moved aside, not deleted.
func cutTornTail(dir string, log *slog.Logger, syncFile func(*os.File) error) error {
	first, last, err := wlog.Segments(dir)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && last < 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list segments of %s: %w", dir, err)
	}
	for i := max(first, last-tornSegments+1); i <= last; i++ {
		good, torn, err := readSegment(dir, i)
		if err != nil {
			return err
		}
		if !torn {
			continue
		}
		name := wlog.SegmentName(dir, i)
		log.Warn("a record at the end of the log is unfinished; cutting it off", "segment", name, "at", good)
		if err := cutFile(name, good, syncFile); err != nil {
			return err
		}
		for j := i + 1; j <= last; j++ {
			if err := setAside(dir, j, log); err != nil {
				return err
			}
		}
		return syncDir(dir, syncFile)
	}
	return nil
}

// readSegment returns the offset behind the last whole record, and whether
// something follows it that is no record.
func readSegment(dir string, index int) (good int64, torn bool, err error) {
	seg, err := wlog.OpenReadSegment(wlog.SegmentName(dir, index))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read the end of the log: %w", err)
	}
	buf := wlog.NewSegmentBufReader(seg)
	defer func() { _ = buf.Close() }()
	r := wlog.NewReader(buf)
	for r.Next() {
		good = r.Offset()
	}
	return good, r.Err() != nil, nil
}

func cutFile(name string, size int64, syncFile func(*os.File) error) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("cut the torn record off: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Truncate(size); err != nil {
		return fmt.Errorf("cut the torn record off: %w", err)
	}
	if err := syncFile(f); err != nil {
		return fmt.Errorf("cut the torn record off: sync %s: %w", name, err)
	}
	return nil
}

func setAside(dir string, index int, log *slog.Logger) error {
	name := wlog.SegmentName(dir, index)
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("set segment aside: %w", err)
	}
	if info.Size() == 0 {
		return os.Remove(name)
	}
	aside := filepath.Join(filepath.Dir(dir), "unacknowledged")
	if err := os.MkdirAll(aside, 0o777); err != nil {
		return fmt.Errorf("set segment aside: %w", err)
	}
	to := filepath.Join(aside, filepath.Base(dir)+"-"+filepath.Base(name))
	log.Warn("a segment follows a torn record: nothing in it was acknowledged", "segment", name, "kept_as", to)
	if err := os.Rename(name, to); err != nil {
		return fmt.Errorf("set segment aside: %w", err)
	}
	return nil
}
