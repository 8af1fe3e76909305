package remote

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"
)

// mostOfAnswer bounds what is read of an answer, in bytes.
const mostOfAnswer = 64 << 10

// doer performs requests for both kinds of clients. It follows no redirection,
// because a POST that becomes a GET would look as if it had been accepted. When
// Do returns, the answer has been read, and nobody uses the body any more. There
// is no http.Client in it: that takes another body for a redirection that it does
// not follow in the end, and never closes it.
type doer struct {
	opts      Options
	watch     *watch
	transport *http.Transport
	zippers   sync.Pool // of *zipper
}

func newDoer(o Options) *doer {
	d := &doer{opts: o, watch: newWatch()}
	d.transport = &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           d.watch.dial,
		TLSClientConfig:       o.TLS,
		TLSHandshakeTimeout:   dialTimeout,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       time.Minute,
		ResponseHeaderTimeout: o.Timeout,
		DisableCompression:    true,
	}
	return d
}

func (d *doer) close() {
	d.transport.CloseIdleConnections()
	d.watch.close()
}

// Do implements the interface that InfluxDB's client sends by.
func (d *doer) Do(req *http.Request) (*http.Response, error) {
	if d.opts.User != "" {
		req.SetBasicAuth(d.opts.User, d.opts.Token)
	}
	if d.opts.Compress && req.Body != nil && req.Body != http.NoBody {
		z, err := d.compress(req)
		if err != nil {
			return nil, err
		}
		defer d.zippers.Put(z)
	}
	var uses sync.WaitGroup
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = use(req.Body, &uses)
		if again := req.GetBody; again != nil {
			req.GetBody = func() (io.ReadCloser, error) {
				body, err := again()
				if err != nil {
					return nil, err
				}
				return use(body, &uses), nil
			}
		}
	}
	resp, err := d.transport.RoundTrip(req)
	if err == nil {
		err = readAnswer(resp)
	}
	uses.Wait() // the transport closes each body, at the latest when its connection is closed
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func readAnswer(resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostOfAnswer))
	_ = resp.Body.Close()
	if err != nil && resp.StatusCode < 300 {
		err = nil // it was accepted, whatever it wanted to say to that
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	return err
}

// zipper is memory that compressing takes.
type zipper struct {
	out bytes.Buffer
	zip *gzip.Writer
}

// compress replaces the body.
func (d *doer) compress(req *http.Request) (*zipper, error) {
	z, ok := d.zippers.Get().(*zipper)
	if !ok {
		z = &zipper{}
		zip, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			return nil, err
		}
		z.zip = zip
	}
	z.out.Reset()
	z.zip.Reset(&z.out)
	_, err := io.Copy(z.zip, req.Body)
	if err := errors.Join(err, z.zip.Close(), req.Body.Close()); err != nil {
		return nil, err
	}
	body := z.out.Bytes()
	req.Header.Set("Content-Encoding", "gzip")
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, err = req.GetBody()
	return z, err
}

// use counts a body until it is closed.
func use(body io.ReadCloser, uses *sync.WaitGroup) io.ReadCloser {
	uses.Add(1)
	return &used{Reader: body, close: sync.OnceValue(func() error {
		defer uses.Done()
		return body.Close()
	})}
}

type used struct {
	io.Reader
	close func() error
}

func (u *used) Close() error { return u.close() }

// cutOff says whether a request ended without an answer because the connection
// did.
func cutOff(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return false // the watch has seen it
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}
