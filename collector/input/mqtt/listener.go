package mqtt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
)

// listener brings connections to mochi.
type listener struct {
	broker *Broker
}

var _ listeners.Listener = (*listener)(nil)

func (*listener) ID() string              { return Name }
func (*listener) Protocol() string        { return Name }
func (*listener) Init(*slog.Logger) error { return nil }
func (l *listener) Address() string       { return l.broker.opts.Listener.Addr().String() }

// acceptPause is how long is waited when there are no file descriptors left.
const acceptPause = 100 * time.Millisecond

// Serve accepts connections until the listener is closed.
func (l *listener) Serve(establish listeners.EstablishFn) {
	b := l.broker
	for {
		under, err := b.opts.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed) || err != nil && b.stopping.Load() != nil:
			return
		case err != nil:
			b.complain("a connection could not be accepted", "", err.Error())
			select {
			case <-time.After(acceptPause):
			case <-b.ctx.Done():
				return
			}
			continue
		}
		c := newConn(b, under)
		if !b.enter(c, func() { l.serve(c, establish) }) {
			b.metrics.turnedAway.Inc()
			b.complain("a client was turned away", c.client.sender, fmt.Sprintf("there are %d connections", b.opts.MaxConnections))
			_ = c.Close()
		}
	}
}

// serve runs mochi's side of one connection. A packet that mochi cannot cope
// with harms nobody else.
func (l *listener) serve(c *conn, establish listeners.EstablishFn) {
	defer func() {
		if p := recover(); p != nil {
			l.broker.metrics.panics.Inc()
			l.broker.complain("a client sent what the broker cannot cope with", c.client.sender, fmt.Sprint(p))
		}
		_ = c.Close()
		c.endTurn()
		c.buf, c.aliases, c.routes = nil, nil, routes{} // mochi keeps the connection with its session
		l.broker.leave(c)
	}()
	if err := establish(Name, c); err != nil {
		l.broker.opts.Logger.Debug("MQTT client is gone", "from", c.client.sender, "err", err)
	}
}

// Close is called when everything is closed already.
func (*listener) Close(listeners.CloseFn) {}

// enter serves a connection, or refuses it when there are too many.
func (b *Broker) enter(c *conn, serve func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.conns) >= b.opts.MaxConnections || b.stopping.Load() != nil {
		return false
	}
	b.conns[c] = struct{}{}
	b.serving.Go(serve)
	return true
}

func (b *Broker) leave(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, c)
}

// quiet makes mochi's messages ones for those who look for something: that
// clients come and go is in the metrics.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, _ slog.Level) bool {
	return q.Handler.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	lowered := slog.NewRecord(r.Time, slog.LevelDebug, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "pk" && a.Key != "packet" { // they hold what clients send, passwords too
			lowered.AddAttrs(a)
		}
		return true
	})
	return q.Handler.Handle(ctx, lowered)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }
