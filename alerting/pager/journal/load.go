package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// load merges snapshot and segments into the state and notes which segments there are. Damage does not keep the
// pager from starting: what cannot be read is set aside under another name and said.
func (j *Journal) load() error {
	snapshot, err := j.disk.ReadFile(j.snapshotPath())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("read snapshot of %s: %w", j.opts.Name, err)
	default:
		if err := j.state.Merge(snapshot); err != nil {
			j.setAside(j.snapshotPath(), err)
		}
	}
	names, err := j.disk.List(j.opts.Dir)
	if err != nil {
		return fmt.Errorf("list journals of %s: %w", j.opts.Name, err)
	}
	for _, name := range names {
		if number, ok := j.segmentNumber(name); ok {
			j.old = append(j.old, filepath.Join(j.opts.Dir, name))
			j.number = max(j.number, number)
		}
	}
	slices.Sort(j.old)
	for _, path := range slices.Clone(j.old) {
		if err := j.replay(path); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) replay(path string) error {
	content, err := j.disk.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read journal of %s: %w", j.opts.Name, err)
	}
	var n, refused int
	err = records(content, func(payload []byte) error {
		n++
		if err := j.state.Merge(payload); err != nil {
			refused++
			j.opts.Logger.Error("a record of the journal cannot be merged; it is left out", "file", path, "err", err)
		}
		return nil
	})
	switch {
	case errors.Is(err, errTorn):
		j.opts.Logger.Warn("journal ends in a torn record, which no answer relied on", "file", path, "records", n)
	case err != nil:
		j.old = slices.DeleteFunc(j.old, func(p string) bool { return p == path })
		j.setAside(path, err)
	}
	j.opts.Logger.Debug("journal read", "file", path, "records", n, "refused", refused)
	return nil
}

func (j *Journal) setAside(path string, why error) {
	aside := path + ".damaged-" + strconv.FormatInt(time.Now().UnixMilli(), 10)
	if err := j.disk.Rename(path, aside); err != nil {
		aside = path
	}
	j.opts.Logger.Error("file cannot be read and is set aside; what it held is lost unless it can be mended",
		"file", path, "kept_as", aside, "err", why)
}

func (j *Journal) snapshotPath() string { return filepath.Join(j.opts.Dir, j.opts.Name) }

func (j *Journal) segmentPath(number uint64) string {
	return filepath.Join(j.opts.Dir, fmt.Sprintf("%s.%08d.journal", j.opts.Name, number))
}

func (j *Journal) segmentNumber(name string) (uint64, bool) {
	rest, ok := strings.CutPrefix(name, j.opts.Name+".")
	if !ok {
		return 0, false
	}
	digits, ok := strings.CutSuffix(rest, ".journal")
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, err == nil
}
