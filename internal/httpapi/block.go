package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

// readBlock reads a body that is compressed as a whole, as remote write has it:
// snappy's block format, which is also meant where nothing is said, or zstd.
func (br *bodyReader) readBlock(w http.ResponseWriter, r *http.Request) (*body, error) {
	unpack := br.unpackSnappy
	switch enc := strings.ToLower(r.Header.Get("Content-Encoding")); enc {
	case "", "snappy":
	case "zstd":
		unpack = br.unpackZstd
	default:
		br.discard(r)
		return nil, &bodyError{http.StatusUnsupportedMediaType, reading.ReasonBadEncoding,
			fmt.Errorf("Content-Encoding %q is not known here; use snappy or zstd", enc)}
	}
	packed, err := br.readEncoded(w, r, "")
	if err != nil {
		return nil, err
	}
	defer packed.release()
	// Both are there at once only while the processor is busy with them, and a
	// request as large as can be must fit.
	packed.unaccount()
	b := br.newBody()
	if err := unpack(b, packed.bytes); err != nil {
		b.release()
		var known *bodyError
		if errors.As(err, &known) {
			return nil, known
		}
		return nil, &bodyError{http.StatusBadRequest, reading.ReasonBadEncoding,
			fmt.Errorf("the body cannot be decompressed; nothing of it is stored: %w", err)}
	}
	return b, nil
}

// reserve makes room for n bytes. Unlike grow it asks before it allocates: n is
// what a client announces.
func (br *bodyReader) reserve(b *body, n int) error {
	need := int64(max(n, cap(b.bytes)))
	if more := need - b.held; more > 0 {
		if !br.budget.TryAcquire(more) {
			return &bodyError{http.StatusTooManyRequests, reading.ReasonOverload,
				fmt.Errorf("%w: too many requests are being received", intake.ErrOverload)}
		}
		b.held += more
	}
	if cap(b.bytes) < n {
		b.bytes = make([]byte, 0, n)
	}
	return nil
}

// snappyRatio is the most that the snappy format can say with one byte: a copy
// of 64 bytes takes three (https://github.com/google/snappy/blob/main/format_description.txt).
const snappyRatio = 22

var errAnnounced = errors.New("it announces more bytes than it can hold")

func (br *bodyReader) unpackSnappy(b *body, packed []byte) error {
	n, err := s2.DecodedLen(packed)
	if err != nil {
		return err
	}
	if int64(n) > br.max {
		return br.tooLarge()
	}
	if n > snappyRatio*len(packed) {
		return errAnnounced
	}
	if err := br.reserve(b, n); err != nil {
		return err
	}
	b.bytes, err = s2.Decode(b.bytes[:n], packed)
	return err
}

const (
	// zstdWindow is the largest window that is taken of a body that says how long
	// it is, which needs none.
	zstdWindow = 128 << 20
	// zstdStreamWindow is that of one that does not, as RFC 8878 demands of decoders.
	zstdStreamWindow = 8 << 20
)

func newZstd() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecodeAllCapLimit(true))
}

func (br *bodyReader) unpackZstd(b *body, packed []byte) error {
	var head zstd.Header
	if err := head.Decode(packed); err != nil {
		return err
	}
	if !head.HasFCS {
		return br.unpackZstdStream(b, packed)
	}
	if head.FrameContentSize > uint64(br.max) {
		return br.tooLarge()
	}
	if err := br.reserve(b, int(head.FrameContentSize)); err != nil {
		return err
	}
	decoder, err := br.zstd()
	if err != nil {
		return err
	}
	b.bytes, err = decoder.DecodeAll(packed, b.bytes[:0])
	return err
}

// unpackZstdStream is for what does not say how long it is. No sender is known
// that writes so.
func (br *bodyReader) unpackZstdStream(b *body, packed []byte) error {
	stream, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdStreamWindow))
	if err != nil {
		return err
	}
	defer stream.Close()
	return br.fill(b, stream, int64(len(packed)))
}
