package parking

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/belfry-city/belfry/collector/reading"
)

// kind is which metric a field is.
type kind uint8

const (
	kindOther kind = iota
	kindBay
	kindCapacity
	kindLotOccupied
	kindLotFree
	kinds
)

func kindOf(metric []byte) kind {
	switch string(metric) {
	case bayOccupied:
		return kindBay
	case lotCapacity:
		return kindCapacity
	case lotOccupied:
		return kindLotOccupied
	case lotFree:
		return kindLotFree
	}
	return kindOther
}

// keyCache remembers what keys are about, so that they are spelled once. It is
// safe for concurrent use, and finds what it knows without a lock.
type keyCache struct {
	seed  maphash.Seed
	table atomic.Pointer[[]atomic.Pointer[knownKey]] // its length is a power of 2

	mu   sync.Mutex // of those who add
	size int
}

const (
	firstTable = 1 << 10
	// mostKeys bounds the memory for senders that never spell a key twice; then
	// all is forgotten.
	mostKeys = 1 << 20
)

// knownKey is a key of a bay, or of a car park: in some formats one key can be
// that of both.
type knownKey struct {
	hash uint64
	key  string
	bay  bool
	of   target
}

func newKeyCache() *keyCache {
	c := &keyCache{seed: maphash.MakeSeed()}
	c.forget()
	return c
}

// kind is which metric the field of a key is, without spelling it where that can
// be told.
func (c *keyCache) kind(key, field []byte, sp reading.Speller) kind {
	if _, plain := sp.(reading.LabelSpeller); plain {
		return kindOf(field)
	}
	if len(field) == 0 { // remote write, whose keys begin with the metric
		end := behindName
		if n := int(key[end-1]); end+n <= len(key) {
			end += n
		}
		return kindOf(key[behindName:end])
	}
	switch string(field) {
	case "occupied":
		if measures(key, "parking_bay") {
			return kindBay
		}
		if measures(key, "parking_lot") {
			return kindLotOccupied
		}
	case "capacity":
		if measures(key, "parking_lot") {
			return kindCapacity
		}
	case "available":
		if measures(key, "parking_lot") {
			return kindLotFree
		}
	case "value":
		for _, metric := range []string{bayOccupied, lotCapacity, lotOccupied, lotFree} {
			if measures(key, metric) {
				return kindOf([]byte(metric))
			}
		}
	}
	return kindOther
}

// measures says whether a key of line protocol has the measurement.
func measures(key []byte, measurement string) bool {
	return len(key) > len(measurement) && key[len(measurement)] == ',' && string(key[:len(measurement)]) == measurement
}

// target is what the series of a key is about.
func (c *keyCache) target(key, field []byte, k kind, sp reading.Speller, resolve func(metric []byte, labels []reading.Label) target) *target {
	hash := maphash.Bytes(c.seed, key)
	table := *c.table.Load()
	for i := hash; ; i++ {
		known := table[i&uint64(len(table)-1)].Load()
		if known == nil {
			break
		}
		if known.hash == hash && known.bay == (k == kindBay) && known.key == string(key) {
			return &known.of
		}
	}
	metric, labels, err := sp.Spell(key, field, nil)
	if err != nil {
		return &target{}
	}
	known := &knownKey{hash: hash, key: string(key), bay: k == kindBay, of: resolve(metric, labels)}
	c.add(known)
	return &known.of
}

// lookAhead brings what the points are about into the processor's cache. What it
// returns only keeps the loads from being left out.
func (c *keyCache) lookAhead(b *reading.Batch, points []int) (touched uint64) {
	var known [ahead]*knownKey
	table := *c.table.Load()
	for i, p := range points {
		hash := maphash.Bytes(c.seed, b.Bytes(b.Points[p].Key))
		known[i] = table[hash&uint64(len(table)-1)].Load()
	}
	for _, k := range known[:len(points)] {
		if k != nil {
			touched ^= uint64(k.key[0])
			if k.of.bay != nil {
				touched ^= uint64(k.of.bay.Newest())
			}
		}
	}
	return touched
}

func (c *keyCache) add(known *knownKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	table := *c.table.Load()
	switch {
	case c.size >= mostKeys:
		table, c.size = make([]atomic.Pointer[knownKey], firstTable), 0
		c.table.Store(&table)
	case 2*c.size >= len(table):
		larger := make([]atomic.Pointer[knownKey], 4*len(table))
		for i := range table {
			if old := table[i].Load(); old != nil {
				put(larger, old)
			}
		}
		table = larger
		c.table.Store(&table)
	}
	if put(table, known) {
		c.size++
	}
}

// put returns false where the key is there.
func put(table []atomic.Pointer[knownKey], known *knownKey) bool {
	for i := known.hash; ; i++ {
		slot := &table[i&uint64(len(table)-1)]
		old := slot.Load()
		if old == nil {
			slot.Store(known)
			return true
		}
		if old.hash == known.hash && old.bay == known.bay && old.key == known.key {
			return false
		}
	}
}

// forget empties the cache.
func (c *keyCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	table := make([]atomic.Pointer[knownKey], firstTable)
	c.table.Store(&table)
	c.size = 0
}
