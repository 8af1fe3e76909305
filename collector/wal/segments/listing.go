package segments

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const checkpointPrefix = "checkpoint."

// Listing is what one directory has.
type Listing struct {
	Dir         string
	Segments    []int // ascending, as the following
	Checkpoints []int
}

// List lists a directory; one that is not there has nothing.
func List(dir string) (Listing, error) {
	l := Listing{Dir: dir}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return l, fmt.Errorf("list the log: %w", err)
	}
	for _, e := range entries {
		if number, ok := strings.CutPrefix(e.Name(), checkpointPrefix); ok {
			if index, err := strconv.Atoi(number); err == nil && e.IsDir() {
				l.Checkpoints = append(l.Checkpoints, index)
			}
		} else if index, err := strconv.Atoi(e.Name()); err == nil {
			l.Segments = append(l.Segments, index)
		}
	}
	slices.Sort(l.Segments)
	slices.Sort(l.Checkpoints)
	return l, nil
}

// Segment is the path of a segment.
func (l Listing) Segment(index int) string { return filepath.Join(l.Dir, fmt.Sprintf("%08d", index)) }

// Checkpoint is the path of a checkpoint, which is a directory.
func (l Listing) Checkpoint(index int) string {
	return filepath.Join(l.Dir, fmt.Sprintf(checkpointPrefix+"%08d", index))
}

// Has says whether a segment was there.
func (l Listing) Has(segment int) bool {
	_, found := slices.BinarySearch(l.Segments, segment)
	return found
}

// After is the lowest segment above index.
func (l Listing) After(index int) (next int, ok bool) {
	if i, _ := slices.BinarySearch(l.Segments, index+1); i < len(l.Segments) {
		return l.Segments[i], true
	}
	return 0, false
}

// Below is the newest checkpoint below a segment.
func (l Listing) Below(segment int) (index int, ok bool) {
	if i, _ := slices.BinarySearch(l.Checkpoints, segment); i > 0 {
		return l.Checkpoints[i-1], true
	}
	return 0, false
}
