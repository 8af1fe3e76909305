package journal

import (
	"bytes"
	"fmt"
	"time"
)

// run is the one goroutine that writes.
func (j *Journal) run() {
	defer close(j.done)
	compact := time.NewTicker(j.opts.CompactInterval)
	defer compact.Stop()
	retry := time.NewTicker(j.opts.RetryInterval)
	defer retry.Stop()
	for {
		select {
		case <-j.wake:
			j.flush()
		case r := <-j.reserves:
			r.reply <- j.reserve(r.bytes)
		case <-compact.C:
			if j.segment != nil {
				j.compact()
			}
		case <-retry.C:
			if j.segment == nil {
				_ = j.heal()
			} else if err := j.segment.syncWritten(); err != nil {
				j.abandon(err)
			}
		case <-j.stop:
			j.closeErr = j.finish()
			return
		}
	}
}

// take empties the queue and says up to which change it reached.
func (j *Journal) take() (recs []byte, upTo uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	recs, j.pending = j.pending, nil
	return recs, j.appended
}

// settle tells those who wait what became of the changes up to upTo.
func (j *Journal) settle(upTo uint64, err error) {
	j.mu.Lock()
	j.tried = max(j.tried, upTo)
	if err == nil {
		j.durable = max(j.durable, upTo)
	}
	j.err = err
	close(j.moved)
	j.moved = make(chan struct{})
	j.mu.Unlock()

	if (err == nil) == (j.sick == nil) {
		return
	}
	j.sick = err
	if err != nil {
		j.opts.Logger.Error("state cannot be written; it is kept in memory and tried again", "state", j.opts.Name, "err", err)
	} else {
		j.opts.Logger.Info("state is on disk again", "state", j.opts.Name)
	}
	j.opts.OnHealth(err)
}

func (j *Journal) flush() {
	if j.segment == nil {
		if time.Since(j.lastAttempt) < j.opts.RetryInterval {
			_, upTo := j.take()
			j.settle(upTo, j.sick)
			return
		}
		_ = j.heal()
		return
	}
	recs, upTo := j.take()
	if len(recs) == 0 {
		return
	}
	if err := j.segment.append(recs); err != nil {
		j.abandon(err)
		return
	}
	j.settle(upTo, nil)
	if j.segment.end > j.opts.CompactBytes {
		j.compact()
	}
}

func (j *Journal) abandon(err error) {
	j.opts.Logger.Warn("journal is given up after a failed write", "err", err)
	j.retire()
	_ = j.heal()
}

// retire closes the open segment. After a failed write or sync what it holds is anyone's guess, so nothing is
// appended to it again; the next snapshot replaces it.
func (j *Journal) retire() {
	_ = j.segment.file.Close()
	j.old = append(j.old, j.segment.path)
	j.segment = nil
}

// heal tries to get on disk, by a snapshot and a new segment, all that is in memory only.
func (j *Journal) heal() error {
	j.lastAttempt = time.Now()
	err := j.rotate()
	if err != nil {
		// What was queued is in the state, and so in the snapshot that succeeds one day.
		_, upTo := j.take()
		j.settle(upTo, err)
	}
	return err
}

func (j *Journal) reserve(n int64) error {
	if j.segment != nil {
		j.flush()
	} else if err := j.heal(); err != nil {
		return err
	}
	if j.segment == nil {
		return j.sick
	}
	// Zeros that could not be written harm nothing: the records before them stand.
	return j.segment.reserve(n)
}

// compact brings the journal down to nothing. The journal as it is remains good if that fails.
func (j *Journal) compact() {
	if _, err := j.state.GC(); err != nil {
		j.opts.Logger.Warn("expired entries could not all be forgotten", "state", j.opts.Name, "err", err)
	}
	if err := j.rotate(); err != nil {
		j.opts.Logger.Error("snapshot cannot be written; the journal grows on", "state", j.opts.Name, "err", err)
	}
}

// rotate starts a new segment, writes a snapshot, and removes the segments that the snapshot makes superfluous.
// On error the segment that was open, if any, is open still.
func (j *Journal) rotate() error {
	j.mu.Lock()
	upTo := j.appended
	j.mu.Unlock()

	next, err := newSegment(j.disk, j.segmentPath(j.number+1), j.opts.SyncLater)
	if err != nil {
		return err
	}
	// Every change is in the state before it is queued, so the snapshot holds all up to upTo.
	if err := j.writeSnapshot(); err != nil {
		_ = next.file.Close()
		_ = j.disk.Remove(next.path)
		return err
	}
	j.number++
	if j.segment != nil {
		j.retire()
	}
	j.segment = next
	j.removeOld()
	j.settle(upTo, nil)
	return nil
}

// writeSnapshot replaces the snapshot and syncs the directory, and with it the entry of a new segment.
func (j *Journal) writeSnapshot() error {
	var content bytes.Buffer
	if _, err := j.state.Snapshot(&content); err != nil {
		return fmt.Errorf("snapshot of %s: %w", j.opts.Name, err)
	}
	path, temp := j.snapshotPath(), j.snapshotPath()+".new"
	f, err := j.disk.Create(temp)
	if err != nil {
		return fmt.Errorf("create snapshot %s: %w", temp, err)
	}
	_, err = f.WriteAt(content.Bytes(), 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = j.disk.Remove(temp)
		return fmt.Errorf("write snapshot %s: %w", temp, err)
	}
	if err := j.disk.Rename(temp, path); err != nil {
		return fmt.Errorf("replace snapshot %s: %w", path, err)
	}
	return j.disk.SyncDir(j.opts.Dir)
}

func (j *Journal) removeOld() {
	for _, path := range j.old {
		if err := j.disk.Remove(path); err != nil {
			j.opts.Logger.Warn("old journal cannot be removed; it is read again at the next start", "file", path, "err", err)
		}
	}
	j.old = nil
}

// finish refuses what comes from now on, writes what is queued, and replaces the journal by a snapshot.
func (j *Journal) finish() error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()

	if j.segment != nil {
		j.flush()
	}
	err := j.writeSnapshot()
	if err != nil && j.segment != nil {
		j.opts.Logger.Warn("last snapshot cannot be written; the journal holds everything", "state", j.opts.Name, "err", err)
		j.retire()
		return nil
	}
	_, upTo := j.take()
	j.settle(upTo, err)
	if err != nil {
		return fmt.Errorf("changes to %s are lost: %w", j.opts.Name, err)
	}
	if j.segment != nil {
		j.retire()
	}
	j.removeOld()
	return nil
}
