package tail

import (
	"hash/crc32"
	"os"
)

// Place is a Position together with a sum of the bytes in front of it, since
// segments can be cut and replaced by others of the same number.
type Place struct {
	Position
	Sum uint32 `json:"sum"`
}

// PlaceAt is the Place of a position in a log as it is now.
func PlaceAt(log Log, at Position) Place {
	sum, _ := sumBefore(log, at)
	return Place{Position: at, Sum: sum}
}

// Fits says whether the log is still the one that the place is of.
func (p Place) Fits(log Log) bool {
	sum, ok := sumBefore(log, p.Position)
	return ok && sum == p.Sum
}

// sumLength is how many bytes in front of a position are summed up.
const sumLength = 64

// sumBefore reads the bytes in front of a position. ok is false where the
// segment is not there, or ends before it.
func sumBefore(log Log, at Position) (sum uint32, ok bool) {
	path, ok := log.Segment(at.Segment)
	if !ok {
		return 0, false
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }()
	before := make([]byte, min(sumLength, at.Offset))
	if _, err := f.ReadAt(before, at.Offset-int64(len(before))); err != nil {
		return 0, false
	}
	return crc32.ChecksumIEEE(before), true
}
