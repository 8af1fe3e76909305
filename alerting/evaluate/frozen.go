package evaluate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// frozen is what was added to an alert when it began to fire.
type frozen struct {
	// Alert is upstream's own identity of the alert.
	Alert labels.Labels `json:"alert"`
	// Labels and Annotations are those that were added.
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`

	resolved bool
	// touched is when the alert was last sent.
	touched time.Time
}

// freezer keeps what was added to each alert until the alert is over, on disk
// too. Its methods may be called by several goroutines.
type freezer struct {
	path string // "" keeps it in memory only

	mu      sync.Mutex
	alerts  map[uint64]*frozen
	changed bool
}

// frozenFile is the form on disk.
type frozenFile struct {
	Version int       `json:"version"`
	Alerts  []*frozen `json:"alerts"`
}

const frozenVersion = 1

// newFreezer reads the file of an earlier run, if there is one, and keeps its
// alerts at least until patience ends: their series may be heard of again only
// after a while. A freezer is returned also beside an error; it is empty then.
func newFreezer(path string, patience time.Time) (*freezer, error) {
	f := &freezer{path: path, alerts: map[uint64]*frozen{}}
	if path == "" {
		return f, nil
	}
	content, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("reading the firing alerts of the last run: %w", err)
	}
	var file frozenFile
	if err := json.Unmarshal(content, &file); err != nil {
		return f, fmt.Errorf("reading the firing alerts of the last run from %s: %w", path, err)
	}
	if file.Version != frozenVersion {
		return f, fmt.Errorf("reading the firing alerts of the last run from %s: version %d, want %d", path, file.Version, frozenVersion)
	}
	for _, alert := range file.Alerts {
		if alert == nil {
			continue
		}
		alert.touched = patience
		f.alerts[alert.Alert.Hash()] = alert
	}
	return f, nil
}

// get returns what was added to an alert. What belongs to an alert that is
// resolved is not there any more for one that fires again.
func (f *freezer) get(alert labels.Labels, firing bool, now time.Time) (*frozen, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept, ok := f.alerts[alert.Hash()]
	if !ok || firing && kept.resolved {
		return nil, false
	}
	if kept.touched.Before(now) {
		kept.touched = now
	}
	if !firing && !kept.resolved {
		// It is still in memory, for upstream goes on telling of the resolution.
		kept.resolved, f.changed = true, true
	}
	return kept, true
}

// put keeps what is added to an alert that begins to fire.
func (f *freezer) put(kept *frozen, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept.touched = now
	f.alerts[kept.Alert.Hash()] = kept
	f.changed = true
}

// prune forgets the alerts that are not alive and were last sent before a time.
func (f *freezer) prune(alive func(hash uint64) bool, before time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for hash, kept := range f.alerts {
		if kept.touched.Before(before) && !alive(hash) {
			delete(f.alerts, hash)
			f.changed = f.changed || !kept.resolved
		}
	}
}

// save writes what has changed. After an error it is still to be written.
func (f *freezer) save() error {
	if f.path == "" {
		return nil
	}
	f.mu.Lock()
	if !f.changed {
		f.mu.Unlock()
		return nil
	}
	f.changed = false
	file := frozenFile{Version: frozenVersion, Alerts: make([]*frozen, 0, len(f.alerts))}
	for _, kept := range f.alerts {
		if !kept.resolved {
			file.Alerts = append(file.Alerts, kept)
		}
	}
	f.mu.Unlock()
	// What is encoded of a frozen alert never changes, so it needs no lock.
	content, err := json.Marshal(file)
	if err == nil {
		err = replace(f.path, content)
	}
	if err != nil {
		f.mu.Lock()
		f.changed = true
		f.mu.Unlock()
		return fmt.Errorf("writing the firing alerts: %w", err)
	}
	return nil
}

// replace writes a file so that after a power cut either the old content or the
// new is there.
func replace(path string, content []byte) error {
	tmp, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = tmp.Write(content)
	if err == nil {
		err = tmp.Sync()
	}
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // nothing was written through it
	return dir.Sync()
}
