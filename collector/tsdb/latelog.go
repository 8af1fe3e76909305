package tsdb

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/record"
	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/prometheus/prometheus/util/compression"
)

// chunksHeadDir is where upstream keeps chunks that have left memory.
const chunksHeadDir = "chunks_head"

// prepareLateLog makes the log of out-of-order samples sufficient by itself.
//
// The log holds markers that say "what stands before is in a chunk file by now".
// Upstream obeys them at replay also where it is not so: the file was not yet
// written when the process died, or the chunk is dropped again because the
// series has a second record in the WAL, as it has after it was gone for some
// hours. Acknowledged samples are then lost. Everything that the chunk files
// hold is also in the logs, until it is in a block; so the markers are taken
// out, and the chunk files are built anew.
func prepareLateLog(dir string, log *slog.Logger, syncFile func(*os.File) error) error {
	logDir := filepath.Join(dir, wlog.WblDirName)
	first, last, err := wlog.Segments(logDir)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && last < 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list segments of %s: %w", logDir, err)
	}
	late := false
	for i := first; i <= last; i++ {
		records, marked, err := scanLateSegment(logDir, i)
		if err != nil {
			return err
		}
		late = late || records > 0
		if !marked {
			continue
		}
		if err := dropMarkers(logDir, i, log); err != nil {
			return fmt.Errorf("take the markers out of segment %d of %s: %w", i, logDir, err)
		}
	}
	if !late {
		return nil
	}
	if err := syncDir(logDir, syncFile); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(dir, chunksHeadDir)); err != nil {
		return fmt.Errorf("remove chunk files that are built anew: %w", err)
	}
	return nil
}

func scanLateSegment(dir string, index int) (records int, marked bool, err error) {
	err = eachRecord(dir, index, func(typ record.Type, _ []byte) error {
		records++
		marked = marked || typ == record.MmapMarkers
		return nil
	})
	return records, marked, err
}

// eachRecord yields the records of one segment up to the first that is broken,
// which is upstream's to repair.
func eachRecord(dir string, index int, yield func(typ record.Type, rec []byte) error) error {
	seg, err := wlog.OpenReadSegment(wlog.SegmentName(dir, index))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read segment: %w", err)
	}
	buf := wlog.NewSegmentBufReader(seg)
	defer func() { _ = buf.Close() }()
	dec := record.NewDecoder(labels.NewSymbolTable(), slog.New(slog.DiscardHandler))
	for r := wlog.NewReader(buf); r.Next(); {
		if err := yield(dec.Type(r.Record()), r.Record()); err != nil {
			return err
		}
	}
	return nil
}

// dropMarkers replaces a segment, in one step, by one that has all its records
// but the markers.
func dropMarkers(dir string, index int, log *slog.Logger) error {
	name := wlog.SegmentName(dir, index)
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	fresh := dir + ".tmp"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	const page = 32 << 10
	w, err := wlog.NewSize(log, nil, fresh, int(info.Size()/page+2)*page, compression.None)
	if err != nil {
		return err
	}
	err = eachRecord(dir, index, func(typ record.Type, rec []byte) error {
		if typ == record.MmapMarkers {
			return nil
		}
		return w.Log(rec)
	})
	if err := errors.Join(err, w.Close()); err != nil { // Close syncs
		return err
	}
	return os.Rename(wlog.SegmentName(fresh, 0), name)
}
