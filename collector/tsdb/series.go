package tsdb

import (
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/prometheus/prometheus/storage"
)

// seriesCache finds series references by the bytes of a key within a space. Lookups take no
// lock: an open-addressed table of pointers is read atomically, and replaced as
// a whole when it grows. The hash is seeded, so a sender cannot choose keys
// that collide.
type seriesCache struct {
	seed  maphash.Seed
	table atomic.Pointer[seriesTable]
	limit int

	mu    sync.Mutex // writers
	count int
	names map[string]string // field names, stored once
}

type seriesTable struct {
	slots []seriesSlot
	mask  uint64
}

// seriesSlot is written once: the hash, then the entry. A reader that sees the
// entry sees the hash.
type seriesSlot struct {
	hash  uint64
	entry atomic.Pointer[seriesEntry]
}

// seriesEntry is one key with the series of its fields.
type seriesEntry struct {
	hash   uint64
	space  string
	key    string
	fields atomic.Pointer[[]fieldRef]
	// touched is the last append that touched the entry, and by which of its
	// points, to notice a key that appears twice in one.
	touched atomic.Uint64
	pulse   atomic.Pointer[Pulse] // of the device; nil: nobody minds
}

type fieldRef struct {
	name string
	ref  storage.SeriesRef
	// watched is by the watcher of the epoch; nil: nobody minds its samples.
	watched Watched
	epoch   uint32
}

const minTable = 1 << 10

func newSeriesCache(limit int) *seriesCache {
	c := &seriesCache{seed: maphash.MakeSeed(), limit: limit, names: map[string]string{}}
	c.table.Store(newSeriesTable(minTable))
	return c
}

func newSeriesTable(size int) *seriesTable {
	return &seriesTable{slots: make([]seriesSlot, size), mask: uint64(size - 1)}
}

// seriesKey is what a series is looked up by.
type seriesKey struct {
	hash  uint64
	space string
	key   []byte
}

// lookup returns nil where the key is not known.
func (c *seriesCache) lookup(k seriesKey) *seriesEntry {
	return c.table.Load().lookup(k)
}

func (t *seriesTable) lookup(k seriesKey) *seriesEntry {
	for i := k.hash & t.mask; ; i = (i + 1) & t.mask {
		slot := &t.slots[i]
		e := slot.entry.Load()
		if e == nil {
			return nil
		}
		if slot.hash == k.hash && e.key == string(k.key) && e.space == k.space {
			return e
		}
	}
}

// touch returns the entry that lookup will look at first, which may be another
// series', or nil.
func (t *seriesTable) touch(hash uint64) *seriesEntry {
	return t.slots[hash&t.mask].entry.Load()
}

func (t *seriesTable) insert(e *seriesEntry) {
	for i := e.hash & t.mask; ; i = (i + 1) & t.mask {
		if slot := &t.slots[i]; slot.entry.Load() == nil {
			slot.hash = e.hash
			slot.entry.Store(e)
			return
		}
	}
}

// addField notes the series of one field of a key.
func (c *seriesCache) addField(k seriesKey, name []byte, f fieldRef) *seriesEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.lookup(k)
	if e == nil {
		e = &seriesEntry{hash: k.hash, space: k.space, key: string(k.key)}
		e.fields.Store(&[]fieldRef{})
		c.makeRoom()
		c.table.Load().insert(e)
		c.count++
	}
	old := *e.fields.Load()
	for i := range old {
		if old[i].name == string(name) {
			fields := append([]fieldRef(nil), old...)
			f.name = old[i].name
			fields[i] = f
			e.fields.Store(&fields)
			return e
		}
	}
	if len(old) >= wideKey {
		// One entry for each further field, or finding one among thousands would
		// mean to look at all of them.
		return c.addWide(k, name, f)
	}
	fields := make([]fieldRef, len(old), len(old)+1)
	copy(fields, old)
	f.name = c.intern(name)
	fields = append(fields, f)
	e.fields.Store(&fields)
	return e
}

// wideKey is how many fields of a key are kept together.
const wideKey = 64

// wide is the key of the entry of one further field of a wide key. The result
// shares buf, which is returned for reuse.
func (c *seriesCache) wide(k seriesKey, name, buf []byte) (seriesKey, []byte) {
	buf = append(append(append(buf[:0], k.key...), 0xff), name...) // 0xff is in no text
	return seriesKey{hash: k.hash*31 ^ maphash.Bytes(c.seed, name), space: k.space, key: buf}, buf
}

func (c *seriesCache) addWide(k seriesKey, name []byte, f fieldRef) *seriesEntry {
	w, _ := c.wide(k, name, nil)
	f.name = c.intern(name)
	fields := &[]fieldRef{f}
	e := c.lookup(w)
	if e == nil {
		e = &seriesEntry{hash: w.hash, space: w.space, key: string(w.key)}
		e.fields.Store(fields) // before others can see the entry
		c.makeRoom()
		c.table.Load().insert(e)
		c.count++
		return e
	}
	e.fields.Store(fields)
	return e
}

// findWide is one further field of a wide key, or nil.
func (c *seriesCache) findWide(k seriesKey, name []byte, buf *[]byte) *fieldRef {
	w, used := c.wide(k, name, *buf)
	*buf = used
	if e := c.lookup(w); e != nil {
		return &(*e.fields.Load())[0]
	}
	return nil
}

func (c *seriesCache) intern(name []byte) string {
	if s, ok := c.names[string(name)]; ok {
		return s
	}
	s := string(name)
	if len(c.names) < 1<<16 {
		c.names[s] = s
	}
	return s
}

// makeRoom grows the table at half load. At the limit it halves what it holds
// instead, at random: the same series spelled in ever new ways must not use
// memory without bound, and a lost entry only costs a second lookup.
func (c *seriesCache) makeRoom() {
	t := c.table.Load()
	if c.count < c.limit && (c.count+1)*2 <= len(t.slots) {
		return
	}
	if c.count < c.limit {
		c.rebuild(len(t.slots)*2, func(*seriesEntry) bool { return true })
		return
	}
	c.rebuild(len(t.slots), func(*seriesEntry) bool { return rand.Uint32()&1 == 0 })
}

func (c *seriesCache) rebuild(size int, keep func(*seriesEntry) bool) {
	t, old := newSeriesTable(size), c.table.Load()
	c.count = 0
	for i := range old.slots {
		if e := old.slots[i].entry.Load(); e != nil && keep(e) {
			t.insert(e)
			c.count++
		}
	}
	c.table.Store(t)
}

// forget drops the entries all of whose series are in gone. An append that
// still holds such an entry finds out by the store's answer.
func (c *seriesCache) forget(gone func(storage.SeriesRef) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rebuild(len(c.table.Load().slots), func(e *seriesEntry) bool {
		for _, f := range *e.fields.Load() {
			if !gone(f.ref) {
				return true
			}
		}
		return false
	})
}
