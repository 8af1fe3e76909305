package faultdisk

import (
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/belfry-city/belfry/alerting/pager/journal"
)

type node struct {
	now, synced []byte
}

// Disk is a journal.Disk. The zero value is not usable; see New.
type Disk struct {
	mu      sync.Mutex
	now     map[string]*node // by path
	synced  map[string]*node // directory entries as of the last SyncDir
	fault   error            // of whatever needs more room
	broken  error            // of everything
	held    chan struct{}    // not nil while syncs are held
	waiting int
	changed *sync.Cond
	syncs   int
}

var _ journal.Disk = (*Disk)(nil)

// New returns an empty disk.
func New() *Disk {
	d := &Disk{now: map[string]*node{}, synced: map[string]*node{}}
	d.changed = sync.NewCond(&d.mu)
	return d
}

// Fail makes everything fail with err that needs more room, as on a full disk; nil ends that.
func (d *Disk) Fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = err
}

// Break makes every write and sync fail with err; nil ends that.
func (d *Disk) Break(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault, d.broken = err, err
}

// Hold makes syncs of files wait until the returned function is called.
func (d *Disk) Hold() (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := make(chan struct{})
	d.held = held
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.held = nil
		close(held)
	})
}

// AwaitHeld returns when a sync waits.
func (d *Disk) AwaitHeld() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.waiting == 0 {
		d.changed.Wait()
	}
}

// Syncs returns how many syncs of files succeeded.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// CutPower returns the disk as it is found when power comes back: the entries of the last SyncDir, and of each
// file what was last synced. Of bytes written and not synced, the first torn are there too.
func (d *Disk) CutPower(torn int) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := New()
	for path, n := range d.synced {
		content := append([]byte(nil), n.synced...)
		if len(content) < len(n.now) && torn > 0 {
			content = append(content, make([]byte, len(n.now)-len(content))...)
		}
		for i, kept := 0, 0; i < len(n.now) && kept < torn; i++ {
			if content[i] != n.now[i] {
				content[i] = n.now[i]
				kept++
			}
		}
		fresh := &node{now: content, synced: append([]byte(nil), content...)}
		after.now[path], after.synced[path] = fresh, fresh
	}
	return after
}

// ReadFile implements journal.Disk.
func (d *Disk) ReadFile(path string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, ok := d.now[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return append([]byte(nil), n.now...), nil
}

// List implements journal.Disk.
func (d *Disk) List(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for path := range d.now {
		if filepath.Dir(path) == filepath.Clean(dir) {
			names = append(names, filepath.Base(path))
		}
	}
	return names, nil
}

// Create implements journal.Disk.
func (d *Disk) Create(path string) (journal.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fault != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: d.fault}
	}
	n := &node{}
	d.now[path] = n
	return &file{disk: d, node: n, path: path}, nil
}

// Rename implements journal.Disk.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, ok := d.now[from]
	if !ok {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	if d.fault != nil {
		return &fs.PathError{Op: "rename", Path: from, Err: d.fault}
	}
	delete(d.now, from)
	d.now[to] = n
	return nil
}

// Remove implements journal.Disk.
func (d *Disk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.now, path)
	return nil
}

// SyncDir implements journal.Disk.
func (d *Disk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fault != nil {
		return &fs.PathError{Op: "sync", Path: dir, Err: d.fault}
	}
	for path := range d.synced {
		if filepath.Dir(path) == filepath.Clean(dir) {
			delete(d.synced, path)
		}
	}
	for path, n := range d.now {
		if filepath.Dir(path) == filepath.Clean(dir) {
			d.synced[path] = n
		}
	}
	return nil
}

type file struct {
	disk *Disk
	node *node
	path string
}

func (f *file) WriteAt(b []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.broken != nil {
		return 0, &fs.PathError{Op: "write", Path: f.path, Err: f.disk.broken}
	}
	// Room that was allocated before is there still, whatever befell the disk; only growing can fail for want of it.
	if end := int(off) + len(b); f.disk.fault != nil && end > len(f.node.now) {
		return 0, &fs.PathError{Op: "write", Path: f.path, Err: f.disk.fault}
	}
	if grow := int(off) + len(b) - len(f.node.now); grow > 0 {
		f.node.now = append(f.node.now, make([]byte, grow)...)
	}
	return copy(f.node.now[off:], b), nil
}

func (f *file) Sync() error {
	f.disk.mu.Lock()
	for f.disk.held != nil {
		held := f.disk.held
		f.disk.waiting++
		f.disk.changed.Broadcast()
		f.disk.mu.Unlock()
		<-held
		f.disk.mu.Lock()
		f.disk.waiting--
	}
	defer f.disk.mu.Unlock()
	if f.disk.broken != nil {
		return &fs.PathError{Op: "sync", Path: f.path, Err: f.disk.broken}
	}
	f.node.synced = append([]byte(nil), f.node.now...)
	f.disk.syncs++
	return nil
}

func (f *file) Close() error { return nil }
