package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

const (
	magic      = "BFJRNL01"
	headerSize = 8
	// allocation is how many bytes of zeros a segment is filled ahead by.
	allocation = 64 << 10
	// maxRecord bounds a record's length: anything above it is damage, not a record.
	maxRecord = 256 << 20
)

var (
	errTorn    = errors.New("the last record is torn")
	errNoMagic = errors.New("not a journal")
)

func checksum(payload []byte) uint32 {
	return crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli))
}

// appendRecord appends payload to buf in the form that a segment holds.
func appendRecord(buf, payload []byte) []byte {
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(payload)))
	buf = binary.LittleEndian.AppendUint32(buf, checksum(payload))
	return append(buf, payload...)
}

// records calls yield with each record of a segment's content. It returns errTorn where the content ends in
// something that is neither a whole record nor zeros, as a write cut off by a loss of power leaves it.
func records(content []byte, yield func([]byte) error) error {
	if allZero(content) {
		return nil
	}
	if len(content) < len(magic) || string(content[:len(magic)]) != magic {
		return errNoMagic
	}
	rest := content[len(magic):]
	for len(rest) >= headerSize {
		length := binary.LittleEndian.Uint32(rest)
		sum := binary.LittleEndian.Uint32(rest[4:])
		if length == 0 && sum == 0 {
			break
		}
		if length == 0 || length > maxRecord || int(length) > len(rest)-headerSize {
			return errTorn
		}
		payload := rest[headerSize : headerSize+int(length)]
		if checksum(payload) != sum {
			return errTorn
		}
		if err := yield(payload); err != nil {
			return err
		}
		rest = rest[headerSize+int(length):]
	}
	if !allZero(rest) {
		return errTorn
	}
	return nil
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// segment is one journal file, open for appending. Not for concurrent use.
type segment struct {
	file     File
	path     string
	end      int64 // where the next record goes
	size     int64 // how far the file is filled with records and zeros
	late     bool  // writes are synced by syncWritten only
	unsynced bool  // something that was written
}

// newSegment makes a segment and syncs it; its directory entry is the caller's to sync.
func newSegment(disk Disk, path string, late bool) (*segment, error) {
	f, err := disk.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create journal %s: %w", path, err)
	}
	s := &segment{file: f, path: path, end: int64(len(magic))}
	first := make([]byte, allocation)
	copy(first, magic)
	if err := s.write(first, 0); err != nil {
		_ = f.Close()
		_ = disk.Remove(path)
		return nil, err
	}
	s.size, s.late = allocation, late
	return s, nil
}

// reserve fills the file ahead, so that n more bytes fit without the file growing.
func (s *segment) reserve(n int64) error {
	if s.end+n <= s.size {
		return nil
	}
	grow := (s.end + n - s.size + allocation - 1) / allocation * allocation
	if err := s.write(make([]byte, grow), s.size); err != nil {
		return err
	}
	s.size += grow
	return nil
}

// append writes whole records and returns when they are on disk, or, with late, written.
func (s *segment) append(recs []byte) error {
	if err := s.reserve(int64(len(recs))); err != nil {
		return err
	}
	if err := s.write(recs, s.end); err != nil {
		return err
	}
	s.end += int64(len(recs))
	return nil
}

func (s *segment) write(b []byte, off int64) error {
	if _, err := s.file.WriteAt(b, off); err != nil {
		return fmt.Errorf("write journal %s: %w", s.path, err)
	}
	s.unsynced = true
	if s.late {
		return nil
	}
	return s.syncWritten()
}

// syncWritten returns when everything written is on disk.
func (s *segment) syncWritten() error {
	if !s.unsynced {
		return nil
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("sync journal %s: %w", s.path, err)
	}
	s.unsynced = false
	return nil
}
