package remote

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"
)

const (
	dialTimeout  = 5 * time.Second
	probeTimeout = 2 * time.Second
)

// watch dials, and notices when the target has died: nobody listens where
// somebody did, or a connection ends by itself and no new one can be made. A
// server that only closes idle connections takes the next one at once.
type watch struct {
	dialer net.Dialer
	lost   chan struct{}

	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex // between ended and close
	probes conc.WaitGroup
}

func newWatch() *watch {
	w := &watch{dialer: net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}, lost: make(chan struct{}, 1)}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

func (w *watch) close() {
	w.mu.Lock()
	w.cancel()
	w.mu.Unlock()
	w.probes.Wait()
}

func (w *watch) died() {
	select {
	case w.lost <- struct{}{}:
	default:
	}
}

func (w *watch) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := w.dialer.DialContext(ctx, network, addr)
	if err != nil {
		var unknown *net.DNSError
		if !errors.As(err, &unknown) && ctx.Err() == nil && w.ctx.Err() == nil {
			w.died()
		}
		return nil, err
	}
	return &watched{Conn: c, watch: w, network: network, addr: addr}, nil
}

// ended looks whether somebody still listens.
func (w *watch) ended(network, addr string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return
	}
	w.probes.Go(func() {
		ctx, cancel := context.WithTimeout(w.ctx, probeTimeout)
		defer cancel()
		c, err := w.dialer.DialContext(ctx, network, addr)
		if err == nil {
			_ = c.Close()
		} else if w.ctx.Err() == nil {
			w.died()
		}
	})
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
