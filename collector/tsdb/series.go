package tsdb

import (
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"unique"

	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/collector/reading"
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
	key    string
	fields atomic.Pointer[fieldSet]
	// touched is the last append that touched the entry, and by which of its
	// points, to notice a key that appears twice in one.
	touched atomic.Uint64
	voice   Voice
	level   atomic.Pointer[reading.Level] // of one of the fields; nil: nobody minds
}

// fieldSet are the fields of a key. It is replaced, and not changed. Nearly all
// keys have few fields, which are behind it in the same piece of memory.
type fieldSet struct {
	refs    []fieldRef
	epoch   uint32 // of the watcher by which they are watched
	leveled uint32 // place of the field that has the level, if the entry has one
}

type fieldRef struct {
	name    unique.Handle[string]
	ref     storage.SeriesRef
	watched Watched // nil: nobody minds its samples
}

func newFieldSet(n int, epoch uint32) (s *fieldSet) {
	switch n {
	case 1:
		s = inOnePiece(func(all *[1]fieldRef) []fieldRef { return all[:] })
	case 2:
		s = inOnePiece(func(all *[2]fieldRef) []fieldRef { return all[:] })
	case 3:
		s = inOnePiece(func(all *[3]fieldRef) []fieldRef { return all[:] })
	default:
		s = &fieldSet{refs: make([]fieldRef, n)}
	}
	s.epoch = epoch
	return s
}

func inOnePiece[Fields any](slice func(*Fields) []fieldRef) *fieldSet {
	s := &struct {
		fieldSet
		all Fields
	}{}
	s.refs = slice(&s.all)
	return &s.fieldSet
}

// with returns a set in which f, of a watcher of the epoch, is at place i.
func (s *fieldSet) with(i int, f fieldRef, epoch uint32) *fieldSet {
	if s.epoch != epoch && len(s.refs) > 0 {
		epoch = mixedEpoch // so that all are watched anew
	}
	set := newFieldSet(max(len(s.refs), i+1), epoch)
	copy(set.refs, s.refs)
	set.refs[i], set.leveled = f, s.leveled
	return set
}

// find returns nil for a field that is not there.
func (s *fieldSet) find(name []byte) *fieldRef {
	for i := range s.refs {
		if s.refs[i].name.Value() == string(name) {
			return &s.refs[i]
		}
	}
	return nil
}

const minTable = 1 << 10

func newSeriesCache(limit int) *seriesCache {
	c := &seriesCache{seed: maphash.MakeSeed(), limit: limit}
	c.table.Store(newSeriesTable(minTable))
	return c
}

func newSeriesTable(size int) *seriesTable {
	return &seriesTable{slots: make([]seriesSlot, size), mask: uint64(size - 1)}
}

// seriesKey is what a series is looked up by. Equal keys of two spaces differ in
// their hash.
type seriesKey struct {
	hash uint64
	key  []byte
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
		if slot.hash == k.hash && e.key == string(k.key) {
			return e
		}
	}
}

// touch returns the entry that lookup will look at first, which may be another
// series', or nil.
func (t *seriesTable) touch(hash uint64) *seriesEntry {
	return t.slots[hash&t.mask].entry.Load()
}

func (t *seriesTable) insert(hash uint64, e *seriesEntry) {
	for i := hash & t.mask; ; i = (i + 1) & t.mask {
		if slot := &t.slots[i]; slot.entry.Load() == nil {
			slot.hash = hash
			slot.entry.Store(e)
			return
		}
	}
}

// addField notes the series of one field of a key, which is watched by the watcher
// of the epoch.
func (c *seriesCache) addField(k seriesKey, name []byte, f fieldRef, epoch uint32) *seriesEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.name = unique.Make(string(name))
	e := c.lookup(k)
	if e == nil {
		return c.add(k, f, epoch)
	}
	old := e.fields.Load()
	for i := range old.refs {
		if old.refs[i].name == f.name {
			e.fields.Store(old.with(i, f, epoch))
			return e
		}
	}
	if len(old.refs) >= wideKey {
		// One entry for each further field, or finding one among thousands would
		// mean to look at all of them.
		k, _ = c.wide(k, name, nil)
		if e = c.lookup(k); e == nil {
			return c.add(k, f, epoch)
		}
		old = &fieldSet{}
	}
	e.fields.Store(old.with(len(old.refs), f, epoch))
	return e
}

// add makes the entry of a key that has none. The caller holds mu.
func (c *seriesCache) add(k seriesKey, f fieldRef, epoch uint32) *seriesEntry {
	e := &seriesEntry{key: string(k.key)}
	e.fields.Store((&fieldSet{}).with(0, f, epoch)) // before others can see the entry
	c.makeRoom()
	c.table.Load().insert(k.hash, e)
	c.count++
	return e
}

// level has an entry have the level of one of its fields.
func (c *seriesCache) level(e *seriesEntry, name []byte, l *reading.Level) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := e.fields.Load()
	for i, f := range old.refs {
		if f.name.Value() == string(name) {
			set := old.with(i, f, old.epoch)
			set.leveled = uint32(i)
			e.fields.Store(set)
			e.level.Store(l)
		}
	}
}

// wideKey is how many fields of a key are kept together.
const wideKey = 64

// wide is the key of the entry of one further field of a wide key. The result
// shares buf, which is returned for reuse.
func (c *seriesCache) wide(k seriesKey, name, buf []byte) (seriesKey, []byte) {
	buf = append(append(append(buf[:0], k.key...), 0xff), name...) // 0xff is in no text
	return seriesKey{hash: k.hash*31 ^ maphash.Bytes(c.seed, name), key: buf}, buf
}

// findWide is the entry of one further field of a wide key, or nil.
func (c *seriesCache) findWide(k seriesKey, name []byte, buf *[]byte) *seriesEntry {
	w, used := c.wide(k, name, *buf)
	*buf = used
	return c.lookup(w)
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
		switch e := old.slots[i].entry.Load(); {
		case e == nil:
		case keep(e):
			t.insert(old.slots[i].hash, e)
			c.count++
		default:
			e.voice.Leave()
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
		for _, f := range e.fields.Load().refs {
			if !gone(f.ref) {
				return true
			}
		}
		return false
	})
}
