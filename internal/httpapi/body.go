package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/semaphore"

	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

// bodyError is why a request was turned away before anything of it was parsed.
type bodyError struct {
	status int
	reason reading.Reason
	err    error
}

func (e *bodyError) Error() string { return e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// bodyReader reads request bodies into pooled memory, all of which together is
// bounded.
type bodyReader struct {
	max     int64 // of one body, decompressed
	within  time.Duration
	budget  *semaphore.Weighted
	buffers sync.Pool
	gzips   sync.Pool
	zstd    func() (*zstd.Decoder, error) // made when the first is needed
}

const (
	bodyStep = 64 << 10
	// bodyTrust is how much memory a client gets for announcing a body, before
	// any of it has arrived.
	bodyTrust = 512 << 10
	// bodyKept is the most memory that is kept for the next body.
	bodyKept = 2 << 20
)

func newBodyReader(o Options) *bodyReader {
	return &bodyReader{
		max:     o.MaxBody,
		within:  o.BodyTime,
		budget:  semaphore.NewWeighted(max(o.InFlight, o.MaxBody)),
		buffers: sync.Pool{New: func() any { return new([]byte) }},
		gzips:   sync.Pool{New: func() any { return new(kgzip.Reader) }},
		zstd:    sync.OnceValues(newZstd),
	}
}

// body is one request's bytes; release gives the memory back.
type body struct {
	bytes  []byte
	reader *bodyReader
	buffer *[]byte
	held   int64
}

func (br *bodyReader) newBody() *body {
	b := &body{reader: br, buffer: br.buffers.Get().(*[]byte)}
	b.bytes = (*b.buffer)[:0]
	return b
}

func (b *body) release() {
	if cap(b.bytes) <= bodyKept {
		*b.buffer = b.bytes[:0]
		b.reader.buffers.Put(b.buffer)
	}
	b.unaccount()
}

// unaccount takes the body out of what is being worked on.
func (b *body) unaccount() {
	b.reader.budget.Release(b.held)
	b.held = 0
}

// read returns the whole body. A client that is slower than the time allowed,
// or that stops in the middle, is turned away with nothing stored.
func (br *bodyReader) read(w http.ResponseWriter, r *http.Request) (*body, error) {
	return br.readEncoded(w, r, r.Header.Get("Content-Encoding"))
}

// readEncoded is read for a body in an encoding that may be another than the
// request says.
func (br *bodyReader) readEncoded(w http.ResponseWriter, r *http.Request, encoding string) (*body, error) {
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(br.within))
	if r.ContentLength > br.max {
		br.discard(r)
		return nil, br.tooLarge()
	}
	b := br.newBody()
	wire := &wireReader{Reader: r.Body}
	src, done, err := br.source(encoding, wire)
	if err == nil {
		err = br.fill(b, src, r.ContentLength)
		done()
	}
	if err != nil {
		b.release()
		br.discard(r)
		return nil, asBodyError(err, wire.err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	return b, nil
}

// discard reads on for a while without keeping anything: a client that is still
// sending when the connection is closed never sees the answer. One that waits to
// be asked for its body is not asked.
func (br *bodyReader) discard(r *http.Request) {
	if r.Header.Get("Expect") == "" {
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, br.max))
	}
}

// wireReader remembers why the bytes from the network ended early, as opposed
// to what was wrong in them.
type wireReader struct {
	io.Reader
	err error
}

func (w *wireReader) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

func (br *bodyReader) source(encoding string, wire io.Reader) (src io.Reader, done func(), err error) {
	switch enc := strings.ToLower(encoding); enc {
	case "", "identity":
		return wire, func() {}, nil
	case "gzip", "x-gzip":
		z := br.gzips.Get().(*kgzip.Reader)
		if err := z.Reset(wire); err != nil {
			br.gzips.Put(z)
			return nil, nil, fmt.Errorf("read gzip header: %w", err)
		}
		return z, func() { br.gzips.Put(z) }, nil
	default:
		return nil, nil, &bodyError{http.StatusUnsupportedMediaType, reading.ReasonBadEncoding,
			fmt.Errorf("Content-Encoding %q is not known here; use gzip or none", enc)}
	}
}

func (br *bodyReader) fill(b *body, src io.Reader, length int64) error {
	want := bodyStep
	if length > 0 {
		want = int(min(length+1, bodyTrust))
	}
	for {
		if err := br.grow(b, want); err != nil {
			return err
		}
		n, err := src.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if int64(len(b.bytes)) > br.max {
			return br.tooLarge()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		want = max(bodyStep, len(b.bytes))
	}
}

// grow makes room for at least one more byte, and accounts for all the memory
// that the body occupies.
func (br *bodyReader) grow(b *body, want int) error {
	if len(b.bytes) == cap(b.bytes) {
		bigger := make([]byte, len(b.bytes), len(b.bytes)+want)
		copy(bigger, b.bytes)
		b.bytes = bigger
	}
	if more := int64(cap(b.bytes)) - b.held; more > 0 {
		if !br.budget.TryAcquire(more) {
			return &bodyError{http.StatusTooManyRequests, reading.ReasonOverload,
				fmt.Errorf("%w: too many requests are being received", intake.ErrOverload)}
		}
		b.held += more
	}
	return nil
}

func (br *bodyReader) tooLarge() error {
	return &bodyError{http.StatusRequestEntityTooLarge, reading.ReasonTooLarge,
		fmt.Errorf("the body is larger than %d bytes (limits.body); send smaller batches", br.max)}
}

// asBodyError says what to answer for err; wire is the network's part in it.
func asBodyError(err, wire error) *bodyError {
	var known *bodyError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(wire, os.ErrDeadlineExceeded):
		return &bodyError{http.StatusRequestTimeout, reading.ReasonIncomplete,
			errors.New("the body did not arrive in time (limits.body_time); nothing of it is stored")}
	case wire != nil:
		return &bodyError{http.StatusBadRequest, reading.ReasonIncomplete,
			errors.New("the body ended too early; nothing of it is stored")}
	default:
		return &bodyError{http.StatusBadRequest, reading.ReasonBadEncoding,
			fmt.Errorf("the gzip stream is broken; nothing of it is stored: %w", err)}
	}
}
