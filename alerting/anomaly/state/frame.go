package state

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Record is the state of one series, or of one group of series.
type Record struct {
	// Detector is whose it is, and Depends what the state depends on besides.
	Detector, Depends string
	// Key tells the series, or groups, of a detector apart.
	Key []byte
	// Body is the state. As Key, it is only good until the next record is read.
	Body []byte
}

// A frame is a mark, the type, the length of the payload, and a sum of the
// latter two and the payload.
const (
	mark      = "\xb3\x1f\xa7\x5e"
	headBytes = len(mark) + 1 + 4 + 4
	// MostBytes is how much the state of one series may take.
	MostBytes = 64 << 20
)

type frameType byte

const (
	beginFrame  frameType = 'B' // of a round: JSON
	recordFrame frameType = 'S'
	endFrame    frameType = 'E' // of a round: how many records it has
)

// AppendRecord appends a record as rounds have it. body appends the state.
func AppendRecord(b []byte, r Record, body func([]byte) ([]byte, error)) ([]byte, error) {
	return appendFrame(b, recordFrame, func(b []byte) ([]byte, error) {
		for _, text := range []string{r.Detector, r.Depends, string(r.Key)} {
			b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
		}
		return body(b)
	})
}

// appendFrame leaves b as it was where payload fails.
func appendFrame(b []byte, kind frameType, payload func([]byte) ([]byte, error)) ([]byte, error) {
	start := len(b)
	b = append(append(b, mark...), byte(kind))
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	b, err := payload(b)
	if err == nil && len(b)-start-headBytes > MostBytes {
		err = errTooLarge
	}
	if err != nil {
		return b[:start], err
	}
	f := b[start:]
	binary.LittleEndian.PutUint32(f[5:], uint32(len(f)-headBytes))
	binary.LittleEndian.PutUint32(f[9:], sum(f))
	return b, nil
}

var (
	errTooLarge = errors.New("the state of a series is too large to be kept")
	errRecord   = errors.New("a record that is no record")
)

// sum is over type, length and payload of a frame.
func sum(f []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(f[4:9], table), table, f[headBytes:])
}

// record takes the payload of a frame apart.
func record(payload []byte) (r Record, err error) {
	var parts [3][]byte
	for i := range parts {
		n, used := binary.Uvarint(payload)
		if used <= 0 || n > uint64(len(payload)-used) {
			return r, errRecord
		}
		parts[i], payload = payload[used:used+int(n)], payload[used+int(n):]
	}
	return Record{Detector: string(parts[0]), Depends: string(parts[1]), Key: parts[2], Body: payload}, nil
}
