package tail

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/record"
	"github.com/prometheus/prometheus/tsdb/wlog"
)

// Log says where the files of a log are. All methods look anew each time.
type Log interface {
	// Segment is the file of a segment; ok is false where there is none.
	Segment(index int) (path string, ok bool)
	// After is the lowest segment above index.
	After(index int) (next int, ok bool)
	// Checkpoint is the newest checkpoint below a segment: what the segments up
	// to and with its index are replaced by.
	Checkpoint(below int) (dir string, index int, ok bool)
}

// Sink takes what is read.
type Sink[S any] interface {
	// Full says that the sink takes no more for now.
	Full() bool
	// Sample takes a sample of a series that is selected. t is in milliseconds
	// since the epoch.
	Sample(series S, v float64, t int64)
	// Skip counts n samples that are not given to Sample, and why.
	Skip(why Reason, n int)
}

// Reason is why samples of selected series are not given on.
type Reason string

// The reasons of a Reader.
const (
	ReasonUnwanted  Reason = "unwanted"       // not selected
	ReasonUnfit     Reason = "name"           // the series cannot be written
	ReasonHistogram Reason = "histogram"      // a native histogram
	ReasonUnknown   Reason = "unknown_series" // the log never says which series it is
)

// Options of a Reader; all are required.
type Options[S comparable] struct {
	Log Log
	// Series returns what a series is to the caller, or Unwanted where it is not
	// selected, or Unfit where it is but nothing can be done with it. The zero value
	// is a series that the log has not named so far.
	Series          func(labels.Labels) S
	Unwanted, Unfit S
	// Needed is the lowest segment that may be read again.
	Needed func() int
	Logger *slog.Logger
}

// Reader reads a log. It is not safe for concurrent use.
type Reader[S comparable] struct {
	opts  Options[S]
	table *Table[S]
	base  int // checkpoint that the table is made from; -1: none
	dec   record.Decoder

	checkpoint      *wlog.Reader // while it is read
	checkpointFiles io.Closer
	live            *wlog.LiveReader
	metrics         *wlog.LiveReaderMetrics
	file            *os.File
	segment         int
	from            Position // in front of it only series are taken

	before  Position // where the record began that pending is of
	pending []record.RefSample
	samples []record.RefSample // the memory of pending
	parking

	series     []record.RefSeries
	histograms []record.RefHistogramSample
	floats     []record.RefFloatHistogramSample
	lost       int
}

// NewReader returns a Reader that has yet to be told where to begin.
func NewReader[S comparable](o Options[S]) *Reader[S] {
	return &Reader[S]{
		opts: o, table: NewTable(o.Unwanted, o.Unfit), base: -1,
		dec:     record.NewDecoder(labels.NewSymbolTable(), o.Logger),
		metrics: wlog.NewLiveReaderMetrics(nil),
	}
}

// Begin reads from a position on, for which it first reads which series there
// are: the checkpoint below, and the segments between. With samples, those of
// the checkpoint are read as well, and those of the segments between.
func (r *Reader[S]) Begin(at Position, samples bool) error {
	r.Close()
	r.table, r.base = NewTable(r.opts.Unwanted, r.opts.Unfit), -1
	first, found := r.opts.Log.After(-1)
	dir, index, ok := r.opts.Log.Checkpoint(at.Segment)
	if ok {
		r.base = index
		files, err := wlog.NewSegmentsReader(dir)
		if err != nil {
			return fmt.Errorf("read checkpoint of the log: %w", err)
		}
		r.checkpoint, r.checkpointFiles = wlog.NewReader(files), files
		first, found = r.opts.Log.After(index)
	}
	r.from, r.segment = at, at.Segment
	if found && first < at.Segment {
		r.segment = first
	}
	if samples {
		r.from = Position{Segment: -1}
	}
	return r.openSegment(r.segment)
}

// Again goes back to a position that this Reader has been at, or behind which
// it has begun.
func (r *Reader[S]) Again(at Position) error {
	r.Close()
	r.from, r.segment = at, at.Segment
	return r.openSegment(at.Segment)
}

// Close closes the files; what the Reader knows of series stays.
func (r *Reader[S]) Close() {
	if r.checkpointFiles != nil {
		_ = r.checkpointFiles.Close()
	}
	if r.file != nil {
		_ = r.file.Close()
	}
	r.checkpoint, r.checkpointFiles, r.live, r.file = nil, nil, nil, nil
	r.pending = r.pending[:0]
	r.parking = parking{}
}

// Series is the number of series that are selected.
func (r *Reader[S]) Series() int { return r.table.Len() }

// Position is where to begin to get what has not been given to a sink so far.
// ok is false while samples of the checkpoint are still to come.
func (r *Reader[S]) Position() (at Position, ok bool) {
	if r.checkpoint != nil && r.from.Segment < 0 {
		return Position{}, false
	}
	switch {
	case len(r.parked) > 0:
		at = r.parkedAt
	case len(r.pending) > 0:
		at = r.before
	default:
		at = r.at()
	}
	if at.Compare(r.from) < 0 { // on the way to where it was told to begin
		return r.from, true
	}
	return at, true
}

// TakeLost returns how many segments were missing or unreadable since the last
// call.
func (r *Reader[S]) TakeLost() int {
	n := r.lost
	r.lost = 0
	return n
}

func (r *Reader[S]) at() Position {
	p := Position{Segment: r.segment}
	if r.live != nil {
		p.Offset = r.live.Offset()
	}
	return p
}

// Read gives samples to the sink until it is full or nothing more has been
// logged, in which case end is true.
func (r *Reader[S]) Read(to Sink[S]) (end bool, err error) {
	for !to.Full() {
		if len(r.pending) > 0 {
			r.give(to)
			continue
		}
		rec, ok, err := r.next()
		if err != nil {
			return false, err
		}
		if !ok {
			r.giveUpAfter(patience, to)
			return true, nil
		}
		if err := r.take(rec, to); err != nil {
			return false, err
		}
	}
	return false, nil
}

// give hands over pending samples.
func (r *Reader[S]) give(to Sink[S]) {
	var unknown S
	for i, s := range r.pending {
		if to.Full() {
			r.pending = r.pending[i:]
			return
		}
		switch series := r.table.series(s.Ref); series {
		case unknown:
			r.park(s, r.before)
		case r.opts.Unwanted:
			to.Skip(ReasonUnwanted, 1)
		case r.opts.Unfit:
			to.Skip(ReasonUnfit, 1)
		default:
			to.Sample(series, s.V, s.T)
		}
	}
	r.pending = r.pending[:0]
}

// next returns the next record; ok is false where there is none so far.
func (r *Reader[S]) next() (rec []byte, ok bool, err error) {
	if r.checkpoint != nil {
		r.before = Position{Segment: r.segment}
		if r.checkpoint.Next() {
			return r.checkpoint.Record(), true, nil
		}
		if err := r.checkpoint.Err(); err != nil {
			r.lost++
			r.opts.Logger.Error("a checkpoint of the log is not readable to its end", "err", err)
		}
		_ = r.checkpointFiles.Close()
		r.checkpoint, r.checkpointFiles = nil, nil
	}
	for {
		if r.live == nil {
			if ok, err := r.openMissing(); !ok {
				return nil, false, err
			}
		}
		r.before = r.at()
		if r.live.Next() {
			return r.live.Record(), true, nil
		}
		following, ok := r.opts.Log.After(r.segment)
		if !ok {
			return nil, false, nil
		}
		broken := r.live.Err()
		// It may have been written to between the two looks.
		if errors.Is(broken, io.EOF) && r.live.Next() {
			return r.live.Record(), true, nil
		}
		if err := r.follow(following); err != nil {
			return nil, false, err
		}
	}
}

// openMissing opens the segment that was not there, or the one behind it.
func (r *Reader[S]) openMissing() (ok bool, err error) {
	if err := r.openSegment(r.segment); err != nil || r.live != nil {
		return err == nil, err
	}
	next, ok := r.opts.Log.After(r.segment)
	if !ok {
		return false, nil
	}
	r.lost += next - r.segment
	err = r.openSegment(next)
	return err == nil && r.live != nil, err
}

// follow leaves a segment, behind which another has been begun.
func (r *Reader[S]) follow(next int) error {
	if err := r.live.Err(); err != nil && !errors.Is(err, io.EOF) {
		r.lost++
		r.opts.Logger.Error("a segment of the log is not readable to its end", "segment", r.segment, "at", r.live.Offset(), "err", err)
	}
	if r.from.Compare(Position{Segment: next}) < 0 {
		r.lost += next - r.segment - 1
	}
	if err := r.openSegment(next); err != nil {
		return err
	}
	return r.sweep()
}

// openSegment leaves live at nil where the segment is not there.
func (r *Reader[S]) openSegment(index int) error {
	if r.file != nil {
		_ = r.file.Close()
	}
	r.file, r.live, r.segment = nil, nil, index
	path, ok := r.opts.Log.Segment(index)
	if !ok {
		return nil
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	r.file, r.live = f, wlog.NewLiveReader(r.opts.Logger, r.metrics, f)
	return nil
}

// take decodes a record.
func (r *Reader[S]) take(rec []byte, to Sink[S]) (err error) {
	old := r.checkpoint == nil && r.at().Compare(r.from) <= 0 || r.checkpoint != nil && r.from.Segment >= 0
	switch r.dec.Type(rec) {
	case record.Series:
		if r.series, err = r.dec.Series(rec, r.series[:0]); err == nil {
			r.learn()
		}
	case record.Samples, record.SamplesV2:
		if old {
			return nil
		}
		if r.samples, err = r.dec.Samples(rec, r.samples[:0]); err == nil {
			r.pending = r.samples
		}
	case record.HistogramSamples, record.CustomBucketsHistogramSamples, record.HistogramSamplesV2:
		if old {
			return nil
		}
		r.histograms, err = r.dec.HistogramSamples(rec, r.histograms[:0])
		for _, h := range r.histograms {
			r.skipHistogram(r.table.series(h.Ref), to)
		}
	case record.FloatHistogramSamples, record.CustomBucketsFloatHistogramSamples, record.FloatHistogramSamplesV2:
		if old {
			return nil
		}
		r.floats, err = r.dec.FloatHistogramSamples(rec, r.floats[:0])
		for _, h := range r.floats {
			r.skipHistogram(r.table.series(h.Ref), to)
		}
	}
	if err != nil {
		r.lost++
		r.opts.Logger.Error("a record of the log is not readable", "segment", r.segment, "at", r.before.Offset, "err", err)
	}
	r.passed(len(rec), to)
	return nil
}

func (r *Reader[S]) skipHistogram(series S, to Sink[S]) {
	if series == r.opts.Unwanted {
		to.Skip(ReasonUnwanted, 1)
		return
	}
	to.Skip(ReasonHistogram, 1)
}

func (r *Reader[S]) learn() {
	segment := r.segment
	if r.checkpoint != nil {
		segment = r.base
	}
	for _, s := range r.series {
		r.table.set(s.Ref, r.opts.Series(s.Labels), segment)
	}
	if len(r.parked) > 0 {
		r.unpark()
	}
}

// sweep forgets the series that are gone since a newer checkpoint.
func (r *Reader[S]) sweep() error {
	dir, index, ok := r.opts.Log.Checkpoint(min(r.segment, r.opts.Needed()))
	if !ok || index <= r.base {
		return nil
	}
	files, err := wlog.NewSegmentsReader(dir)
	if err != nil {
		return fmt.Errorf("read checkpoint of the log: %w", err)
	}
	defer func() { _ = files.Close() }()
	reader := wlog.NewReader(files)
	for reader.Next() {
		if r.dec.Type(reader.Record()) != record.Series {
			continue
		}
		if r.series, err = r.dec.Series(reader.Record(), r.series[:0]); err != nil {
			return fmt.Errorf("read checkpoint of the log: %w", err)
		}
		for _, s := range r.series {
			r.table.seen(s.Ref, index+1)
		}
	}
	if err := reader.Err(); err != nil {
		return fmt.Errorf("read checkpoint of the log: %w", err)
	}
	r.table.forgetBefore(index + 1)
	r.base = index
	return nil
}

// patience is how long a sample at the end of the log waits for its series.
const patience = 10 * time.Second
