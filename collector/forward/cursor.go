package forward

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/belfry-city/belfry/collector/forward/line"
	"github.com/belfry-city/belfry/collector/wal/tail"
)

const (
	cursorFile    = "cursor.json"
	cursorVersion = 1
)

// cursor is what is remembered over a restart.
type cursor struct {
	Version int        `json:"version"`
	Acked   tail.Place `json:"acked"`   // everything before was accepted
	Settled tail.Place `json:"settled"` // and before this long enough ago to be on disk there
	Clean   bool       `json:"clean"`   // written when the forwarder stopped by itself

	URL      string       `json:"url"` // what the rest is about
	Accepted bool         `json:"accepted"`
	Dialect  line.Dialect `json:"dialect,omitempty"`
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
