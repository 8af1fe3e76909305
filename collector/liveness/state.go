package liveness

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

const (
	saveEvery = 60_000 // milliseconds
	// saveSoon is after how long it is saved that a device has come, or has fallen
	// silent.
	saveSoon = 10_000
)

// record is a device in the file, of which each has a line.
type record struct {
	Asset  string `json:"asset"`
	Newest int64  `json:"newest"` // milliseconds, as the following
	Heard  int64  `json:"heard"`
	Silent bool   `json:"silent,omitempty"`
	Listed bool   `json:"listed,omitempty"`
	Camera bool   `json:"camera,omitempty"`
	Rhythm rhythm `json:"rhythm,omitzero"`
}

// load takes up what the file holds. What is damaged in it is left out: who
// sends again is known again.
func (l *Liveness) load() {
	if l.opts.File == "" {
		return
	}
	file, err := os.Open(l.opts.File)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	damaged := 0
	if err == nil {
		defer func() { _ = file.Close() }() // it is only read
		lines := bufio.NewScanner(file)
		const longest = 1 << 20
		lines.Buffer(nil, longest)
		for lines.Scan() {
			var r record
			if json.Unmarshal(lines.Bytes(), &r) != nil || !l.restore(r) {
				damaged++
			}
		}
		err = lines.Err()
	}
	if err != nil || damaged > 0 {
		l.opts.Logger.Warn("not all devices of before are known; those that send again are known again", "file", l.opts.File, "damaged", damaged, "err", err)
	}
}

func (l *Liveness) restore(r record) bool {
	now := l.now()
	if r.Asset == "" || l.devices[r.Asset] != nil || len(l.devices) >= l.opts.Max || !r.Rhythm.valid(now) {
		return false
	}
	d := l.device(r.Asset)
	d.seen = min(r.Newest, now) // which was stored
	d.pulse.Set(d.seen, min(r.Heard, now))
	d.camera, d.rhythm = r.Camera, r.Rhythm
	d.rhythm.measure(false)
	d.allow()
	d.silent, d.listed, d.reported, d.since = r.Silent, r.Listed, true, 1
	if d.silent {
		l.silent.Add(1)
	} else {
		d.rest()
	}
	d.place = len(l.all)
	l.all = append(l.all, d)
	return true
}

// valid says whether a rhythm can be gone on from.
func (r *rhythm) valid(now int64) bool {
	ok := func(n int64) bool { return n >= 0 && n <= now }
	return len(r.Gaps) <= gapsKept && len(r.Late) < lateKept && ok(r.Since) && ok(r.Counted) && ok(r.Week) &&
		ok(r.Longest) && ok(r.Before) && !slices.ContainsFunc(r.Gaps, func(n int64) bool { return !ok(n) }) &&
		!slices.ContainsFunc(r.Late, func(l late) bool { return !ok(l.At) || !ok(l.Gap) }) &&
		(!r.Regular || len(r.Gaps) == gapsKept)
}

// save writes the file in the background, every minute, and soon after a change.
func (l *Liveness) save(now int64) {
	soon := l.changed != never && now >= l.changed+saveSoon
	if l.opts.File == "" || now < l.saveAt && !soon || !l.writing.CompareAndSwap(false, true) {
		return
	}
	all := l.snapshot()
	l.saveAt, l.changed = now+saveEvery, never
	l.saving.Go(func() {
		defer l.writing.Store(false)
		l.write(all)
	})
}

func (l *Liveness) snapshot() []record {
	all := make([]record, 0, len(l.all))
	for _, d := range l.all {
		newest, heard := d.pulse.Last()
		d.mu.Lock()
		r := record{Asset: d.asset, Newest: newest, Heard: heard, Silent: d.silent, Listed: d.listed, Camera: d.camera, Rhythm: d.rhythm}
		r.Rhythm.Gaps, r.Rhythm.Late = slices.Clone(r.Rhythm.Gaps), slices.Clone(r.Rhythm.Late)
		d.mu.Unlock()
		all = append(all, r)
	}
	return all
}

// write writes the file, whole or not at all.
func (l *Liveness) write(all []record) {
	if l.opts.File == "" {
		return
	}
	if err := replace(l.opts.File, all); err != nil {
		l.opts.Logger.Warn("the devices are not remembered over a restart", "file", l.opts.File, "err", err)
	}
}

func replace(path string, all []record) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write devices: %w", err)
		}
	}()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	next := path + ".next"
	file, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<16)
	lines := json.NewEncoder(out)
	for i := range all {
		if err := lines.Encode(&all[i]); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	if err := errors.Join(out.Flush(), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(next, path)
}
