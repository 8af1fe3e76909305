package forward

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/belfry-city/belfry/collector/forward/line"
	"github.com/belfry-city/belfry/collector/forward/tail"
)

const (
	cursorFile    = "cursor.json"
	cursorVersion = 1
)

// cursor is what is remembered over a restart.
type cursor struct {
	Version int   `json:"version"`
	Acked   place `json:"acked"`   // everything before was accepted
	Settled place `json:"settled"` // and before this long enough ago to be on disk there
	Clean   bool  `json:"clean"`   // written when the forwarder stopped by itself

	URL      string       `json:"url"` // what the rest is about
	Accepted bool         `json:"accepted"`
	Dialect  line.Dialect `json:"dialect,omitempty"`
}

// place is a position together with a sum of the bytes in front of it, since
// segments can be cut and replaced by others of the same number.
type place struct {
	tail.Position
	Sum uint32 `json:"sum"`
}

// readCursor returns nil where there is none.
func readCursor(dir string) (*cursor, error) {
	text, err := os.ReadFile(filepath.Join(dir, cursorFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read cursor: %w", err)
	}
	var c cursor
	if err := json.Unmarshal(text, &c); err != nil || c.Version != cursorVersion {
		return nil, fmt.Errorf("read cursor %s: it is of another version or damaged", filepath.Join(dir, cursorFile))
	}
	return &c, nil
}

// write replaces the file in one step.
func (c *cursor) write(dir string) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("write cursor: %w", err)
	}
	name := filepath.Join(dir, cursorFile)
	if err := writeSynced(name+".tmp", append(text, '\n')); err != nil {
		return fmt.Errorf("write cursor: %w", err)
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		return fmt.Errorf("write cursor: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write cursor: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

func writeSynced(name string, text []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// sumLength is how many bytes in front of a position are summed up.
const sumLength = 64

// sumBefore reads the bytes in front of a position. ok is false where the
// segment is not there, or ends before it.
func sumBefore(log tail.Log, at tail.Position) (sum uint32, ok bool) {
	path, ok := log.Segment(at.Segment)
	if !ok {
		return 0, false
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }()
	before := make([]byte, min(sumLength, at.Offset))
	if _, err := f.ReadAt(before, at.Offset-int64(len(before))); err != nil {
		return 0, false
	}
	return crc32.ChecksumIEEE(before), true
}

// fits says whether the log is still the one that the place is of.
func (p place) fits(log tail.Log) bool {
	sum, ok := sumBefore(log, p.Position)
	return ok && sum == p.Sum
}

func placeAt(log tail.Log, at tail.Position) place {
	sum, _ := sumBefore(log, at)
	return place{Position: at, Sum: sum}
}
