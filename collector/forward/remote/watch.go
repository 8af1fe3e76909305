package remote

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sourcegraph/conc"
)

const (
	dialTimeout  = 5 * time.Second
	probeTimeout = 2 * time.Second
	probeWait    = 200 * time.Millisecond
	probes       = 3
)

// watch dials, and notices when the target has died: connections are refused, at
// the latest when one has ended by itself and it is tried whether somebody still
// listens. A server that only closes idle connections takes the next one at once.
// Where the network is in between, or a proxy, one can only suspect it.
type watch struct {
	dialer  net.Dialer
	dead    chan struct{}
	suspect chan struct{}

	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex // between ended and close
	probes conc.WaitGroup
}

func newWatch() *watch {
	w := &watch{dialer: net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}, dead: make(chan struct{}, 1), suspect: make(chan struct{}, 1)}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

func (w *watch) close() {
	w.mu.Lock()
	w.cancel()
	w.mu.Unlock()
	w.probes.Wait()
}

func note(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// failed notes that there was no connection.
func (w *watch) failed(err error) {
	var unknown *net.DNSError
	switch {
	case w.ctx.Err() != nil || errors.As(err, &unknown):
	case errors.Is(err, syscall.ECONNREFUSED):
		note(w.dead)
	default:
		note(w.suspect)
	}
}

func (w *watch) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := w.dialer.DialContext(ctx, network, addr)
	if err != nil {
		if ctx.Err() == nil {
			w.failed(err)
		}
		return nil, err
	}
	return &watched{Conn: c, watch: w, network: network, addr: addr}, nil
}

// ended looks whether somebody still listens.
func (w *watch) ended(network, addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() == nil {
		w.probes.Go(func() { w.probe(network, addr) })
	}
}

// probe connects, and waits a moment: a process that is being killed may close
// its connections before its listener, and that takes what is connected with it.
func (w *watch) probe(network, addr string) {
	ctx, cancel := context.WithTimeout(w.ctx, probeTimeout)
	defer cancel()
	for range probes {
		c, err := w.dialer.DialContext(ctx, network, addr)
		if err != nil {
			w.failed(err)
			return
		}
		unwatch := context.AfterFunc(w.ctx, func() { _ = c.Close() })
		_ = c.SetReadDeadline(time.Now().Add(probeWait))
		_, err = c.Read(make([]byte, 1))
		unwatch()
		_ = c.Close()
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
	if w.ctx.Err() == nil {
		note(w.suspect)
	}
}

type watched struct {
	net.Conn
	watch         *watch
	network, addr string
	over          atomic.Bool
}

func (c *watched) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) && !c.over.Swap(true) {
		c.watch.ended(c.network, c.addr)
	}
	return n, err
}

func (c *watched) Close() error {
	c.over.Store(true)
	return c.Conn.Close()
}
