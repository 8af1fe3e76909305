package segments

import (
	"os"
	"time"
)

// settled is how long ago a directory must have changed for a listing of it to
// be good until the next change: clocks of file systems go in steps.
const settled = time.Second

// Dir is the log in one directory, as package tail reads it. It lists the
// directory only when that has changed, so that to look at the end of the log
// again and again costs little. It is not safe for concurrent use.
type Dir struct {
	path    string
	listing Listing
	changed time.Time // the directory, when it was listed
	good    bool      // until changed changes
}

// NewDir returns the log in a directory.
func NewDir(path string) *Dir { return &Dir{path: path, listing: Listing{Dir: path}} }

// list is what there is; of a directory that cannot be read, nothing.
func (d *Dir) list() Listing {
	info, err := os.Stat(d.path)
	if err != nil {
		d.good = false
		return Listing{Dir: d.path}
	}
	if d.good && info.ModTime().Equal(d.changed) {
		return d.listing
	}
	l, err := List(d.path)
	if err != nil {
		d.good = false
		return Listing{Dir: d.path}
	}
	d.listing, d.changed, d.good = l, info.ModTime(), time.Since(info.ModTime()) > settled
	return l
}

// Segment implements tail.Log.
func (d *Dir) Segment(index int) (path string, ok bool) {
	l := d.list()
	return l.Segment(index), l.Has(index)
}

// After implements tail.Log.
func (d *Dir) After(index int) (next int, ok bool) { return d.list().After(index) }

// Checkpoint implements tail.Log.
func (d *Dir) Checkpoint(below int) (dir string, index int, ok bool) {
	l := d.list()
	index, ok = l.Below(below)
	return l.Checkpoint(index), index, ok
}

// End is where the log ends now.
func (d *Dir) End() (segment int, size int64) {
	l := d.list()
	if len(l.Segments) == 0 {
		return 0, 0
	}
	segment = l.Segments[len(l.Segments)-1]
	info, err := os.Stat(l.Segment(segment))
	if err != nil {
		return segment, 0
	}
	return segment, info.Size()
}
