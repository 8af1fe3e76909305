package keep

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/belfry-city/belfry/collector/wal/segments"
	"github.com/belfry-city/belfry/collector/wal/tail"
)

const unfinished = ".tmp"

// Options of a Keeper. WAL, Dir and Logger are required.
type Options struct {
	WAL string // the database's directory of segments
	Dir string // a directory on the same volume, which is the Keeper's own
	// Limit is how many bytes may be kept that the database has removed; 0: none.
	Limit int64
	// Short says that the disk is too full to keep anything more than the
	// database does; nil: it never is.
	Short  func() bool
	Logger *slog.Logger
}

// Keeper keeps files of one log for one reader. Hold and Refresh are called by
// one goroutine at a time; the others are safe for concurrent use.
type Keeper struct {
	opts   Options
	linked bool // false once the file system has refused
}

// Report says what Hold found.
type Report struct {
	Bytes   int64 // from the place to the end of the log
	Kept    int64 // bytes that only the Keeper holds
	GivenUp int   // segments that were needed and are gone now
	Last    int   // the newest segment; -1: none
	Size    int64 // of the newest segment
}

// New makes the directory where it is not there.
func New(o Options) (*Keeper, error) {
	if err := os.MkdirAll(o.Dir, 0o777); err != nil {
		return nil, fmt.Errorf("make directory for kept segments: %w", err)
	}
	return &Keeper{opts: o, linked: true}, nil
}

// Segment is the file of a segment; ok is false where there is none.
func (k *Keeper) Segment(index int) (path string, ok bool) {
	for _, dir := range [...]string{k.opts.Dir, k.opts.WAL} {
		path := segments.Listing{Dir: dir}.Segment(index)
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return "", false
}

// After is the lowest segment above index.
func (k *Keeper) After(index int) (next int, ok bool) {
	for _, dir := range [...]string{k.opts.Dir, k.opts.WAL} {
		l, _ := segments.List(dir) // what cannot be listed has nothing
		if i, found := l.After(index); found && (!ok || i < next) {
			next, ok = i, true
		}
	}
	return next, ok
}

// Checkpoint is the newest checkpoint below a segment.
func (k *Keeper) Checkpoint(below int) (dir string, index int, ok bool) {
	for _, d := range [...]string{k.opts.Dir, k.opts.WAL} {
		l, _ := segments.List(d)
		if i, found := l.Below(below); found && (!ok || i > index) {
			dir, index, ok = l.Checkpoint(i), i, true
		}
	}
	return dir, index, ok
}

// Refresh drops what is not of the log that the database has now: after a failed
// write it sets segments aside and begins others of the same numbers, and
// somebody may have replaced the database.
func (k *Keeper) Refresh() error {
	wal, err := segments.List(k.opts.WAL)
	if err != nil {
		return err
	}
	own, err := segments.List(k.opts.Dir)
	if err != nil {
		return err
	}
	for _, i := range own.Segments {
		foreign := len(wal.Segments) > 0 && i > wal.Segments[len(wal.Segments)-1]
		if wal.Has(i) {
			same, err := sameFile(own.Segment(i), wal.Segment(i))
			if err != nil {
				return err
			}
			foreign = !same
		}
		if foreign {
			if err := os.Remove(own.Segment(i)); err != nil {
				return fmt.Errorf("drop a segment that the database no longer has: %w", err)
			}
		}
	}
	return nil
}

func sameFile(a, b string) (bool, error) {
	x, err := os.Stat(a)
	if err != nil {
		return false, fmt.Errorf("compare segments: %w", err)
	}
	y, err := os.Stat(b)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // the database has removed it just now
	}
	if err != nil {
		return false, fmt.Errorf("compare segments: %w", err)
	}
	return os.SameFile(x, y), nil
}

// Hold keeps what is needed from a segment on, lets go of the rest, and says how
// much there is behind a place. It must be called more often than the database
// removes segments, which upstream does at most every few minutes.
func (k *Keeper) Hold(needed int, at tail.Position) (Report, error) {
	wal, err := segments.List(k.opts.WAL)
	if err != nil {
		return Report{Last: -1}, err
	}
	base := -1
	if _, index, ok := k.Checkpoint(needed); ok {
		base = index
	}
	if err := k.link(wal, base); err != nil {
		k.linked = false
		k.opts.Logger.Warn("segments cannot be kept by hard links, so what a target misses for hours is lost", "err", err)
	}
	own, err := segments.List(k.opts.Dir)
	if err != nil {
		return Report{Last: -1}, err
	}
	if err := k.drop(own, base, base-1); err != nil {
		return Report{Last: -1}, err
	}
	return k.bound(wal, needed, at)
}

// link gives names to what the database has behind base.
func (k *Keeper) link(wal segments.Listing, base int) error {
	if !k.linked {
		return nil
	}
	own := segments.Listing{Dir: k.opts.Dir}
	for _, i := range wal.Segments {
		if i > base {
			if err := linkFile(wal.Segment(i), own.Segment(i)); err != nil {
				return err
			}
		}
	}
	for _, i := range wal.Checkpoints {
		if i >= base {
			if err := linkDir(wal.Checkpoint(i), own.Checkpoint(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func linkFile(from, to string) error {
	err := os.Link(from, to)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) { // it is kept already, or gone already
		return nil
	}
	return err
}

func linkDir(from, to string) error {
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	half := to + unfinished
	if err := errors.Join(os.RemoveAll(half), os.Mkdir(half, 0o777)); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return os.RemoveAll(half)
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		err := os.Link(filepath.Join(from, e.Name()), filepath.Join(half, e.Name()))
		if errors.Is(err, fs.ErrNotExist) { // the database is removing it
			return os.RemoveAll(half)
		}
		if err != nil {
			return err
		}
	}
	return os.Rename(half, to)
}

// drop removes the names of segments up to and with one, and of checkpoints.
func (k *Keeper) drop(own segments.Listing, segment, checkpoint int) error {
	for _, i := range own.Segments {
		if i <= segment {
			if err := os.Remove(own.Segment(i)); err != nil {
				return fmt.Errorf("let go of a segment: %w", err)
			}
		}
	}
	for _, i := range own.Checkpoints {
		if i <= checkpoint {
			if err := os.RemoveAll(own.Checkpoint(i)); err != nil {
				return fmt.Errorf("let go of a checkpoint: %w", err)
			}
		}
	}
	return nil
}

// bound gives up what is oldest, from one checkpoint to the next, until no more
// is kept than may be.
func (k *Keeper) bound(wal segments.Listing, needed int, at tail.Position) (r Report, err error) {
	for {
		own, err := segments.List(k.opts.Dir)
		if err != nil {
			return Report{Last: -1}, err
		}
		given := r.GivenUp
		r = measure(own, wal, at)
		r.GivenUp = given
		short := k.opts.Short != nil && k.opts.Short()
		if r.Kept <= k.opts.Limit && !short || r.Kept == 0 {
			return r, nil
		}
		next := slices.IndexFunc(own.Checkpoints, func(c int) bool {
			return len(own.Segments) > 0 && c >= own.Segments[0]
		})
		if next < 0 { // all of it is one checkpoint and what the database has itself
			return r, nil
		}
		to := own.Checkpoints[next]
		for _, i := range own.Segments {
			if i >= needed && i <= to {
				r.GivenUp++
			}
		}
		if err := k.drop(own, to, to-1); err != nil {
			return r, err
		}
	}
}

// measure adds up sizes.
func measure(own, wal segments.Listing, at tail.Position) Report {
	r := Report{Last: -1}
	all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(own.Segments, wal.Segments))))
	for _, i := range all {
		path := wal.Segment(i)
		if !wal.Has(i) {
			path = own.Segment(i)
		}
		size := sizeOf(path)
		if !wal.Has(i) {
			r.Kept += size
		}
		if i >= at.Segment {
			r.Bytes += size
		}
		if i == at.Segment {
			r.Bytes -= min(at.Offset, size)
		}
		r.Last, r.Size = i, size
	}
	for _, i := range own.Checkpoints {
		if slices.Contains(wal.Checkpoints, i) {
			continue
		}
		entries, _ := os.ReadDir(own.Checkpoint(i))
		for _, e := range entries {
			r.Kept += sizeOf(filepath.Join(own.Checkpoint(i), e.Name()))
		}
	}
	return r
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
