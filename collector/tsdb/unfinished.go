package tsdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/record"
	"github.com/prometheus/prometheus/tsdb/wlog"
)

const (
	// unfinishedBytes of the WAL, at its end, hold all that was under way at a
	// time: some requests, each of some thousand samples of a dozen bytes.
	unfinishedBytes = 4 << 20
	// knownBytes are read at least, to know which samples were late.
	knownBytes = 16 << 20
	// mostLate is more than unfinishedBytes can hold.
	mostLate = 1 << 19
)

type lateSample struct {
	ref chunks.HeadSeriesRef
	t   int64
}

// unfinishedLate finds late samples that a crash has left in the WAL only.
// Upstream logs all samples in the WAL first, and the late ones in a log of their
// own when they are in memory; at replay it takes late samples from the latter
// alone. Nobody has an acknowledgement of what is missing there, but whoever reads
// the WAL sees samples that the database does not have. Some of those that are
// found were not late; to store them again changes nothing. After a clean stop
// there is nothing to look for.
func (s *Store) unfinishedLate() (map[lateSample]float64, error) {
	err := os.Remove(s.finishedMark())
	if err == nil {
		return nil, syncDir(s.opts.Dir, s.opts.SyncFile)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("take back the mark of a clean stop: %w", err)
	}
	late, err := lateInWAL(filepath.Join(s.opts.Dir, "wal"))
	if err != nil || len(late) == 0 {
		return nil, err
	}
	err = eachSample(filepath.Join(s.opts.Dir, wlog.WblDirName), func(s record.RefSample, _ int64) {
		delete(late, lateSample{s.Ref, s.T})
	})
	return late, err
}

// finishedMark is a file that is there between a clean stop and the next start.
func (s *Store) finishedMark() string { return filepath.Join(s.opts.Dir, "finished") }

func (s *Store) markFinished() {
	if err := os.WriteFile(s.finishedMark(), nil, 0o666); err != nil {
		s.opts.Logger.Warn("the clean stop cannot be marked, so the next start looks for unfinished writes", "err", err)
	}
}

func lateInWAL(dir string) (map[lateSample]float64, error) {
	type found struct {
		record.RefSample
		at int64
	}
	var late []found
	newest := map[chunks.HeadSeriesRef]int64{}
	end := int64(0)
	err := eachSample(dir, func(s record.RefSample, at int64) {
		end = at
		if t, known := newest[s.Ref]; !known || s.T > t {
			newest[s.Ref] = s.T
			if known {
				return
			}
		}
		if late = append(late, found{s, at}); len(late) > mostLate && late[0].at < end-unfinishedBytes {
			kept := late[:0]
			for _, f := range late {
				if f.at >= end-unfinishedBytes {
					kept = append(kept, f)
				}
			}
			late = kept
		}
	})
	samples := map[lateSample]float64{}
	for _, f := range late {
		if f.at >= end-unfinishedBytes {
			samples[lateSample{f.Ref, f.T}] = f.V
		}
	}
	return samples, err
}

// eachSample yields the samples in the newest segments of a log, and how many
// bytes of records had been read with each.
func eachSample(dir string, yield func(s record.RefSample, at int64)) error {
	first, last, err := wlog.Segments(dir)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && last < 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list segments of %s: %w", dir, err)
	}
	from, size := last, int64(0)
	for ; from > first; from-- {
		if info, err := os.Stat(wlog.SegmentName(dir, from)); err == nil {
			size += info.Size()
		}
		if size >= knownBytes {
			break
		}
	}
	dec := record.NewDecoder(labels.NewSymbolTable(), slog.New(slog.DiscardHandler))
	var samples []record.RefSample
	at := int64(0)
	for i := from; i <= last; i++ {
		err := eachRecord(dir, i, func(typ record.Type, rec []byte) (err error) {
			at += int64(len(rec))
			if typ != record.Samples && typ != record.SamplesV2 {
				return nil
			}
			if samples, err = dec.Samples(rec, samples[:0]); err != nil {
				return fmt.Errorf("read samples of %s: %w", dir, err)
			}
			for _, s := range samples {
				yield(s, at)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// finish stores what unfinishedLate has found. What upstream does not take any
// more is left out.
func finish(d *tsdb.DB, late map[lateSample]float64) error {
	if len(late) == 0 {
		return nil
	}
	app := d.Head().Appender(context.Background())
	for s, v := range late {
		_, _ = app.Append(storage.SeriesRef(s.ref), labels.EmptyLabels(), s.t, v)
	}
	if err := app.Commit(); err != nil {
		return fmt.Errorf("store late samples of the log: %w", err)
	}
	return nil
}
