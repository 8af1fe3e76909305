package hj212

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

// Queue takes messages and says when they are on disk.
type Queue interface {
	Submit(ctx context.Context, m *input.Message, d input.Decoder, done func(intake.Result, error)) error
}

// Refuser counts what was refused before it became a message.
type Refuser interface {
	Refuse(from intake.Source, r reading.Refusal)
}

// Options of a Server. All are required, but for Stations and AnswerTime.
type Options struct {
	Queue   Queue
	Refuser Refuser
	Decoder input.Decoder
	// Stations are those who may send; nil lets everyone.
	Stations []Station
	// Zone is that of the clocks of devices.
	Zone *time.Location
	// MaxSegment is how long a data segment may be, in bytes.
	MaxSegment int
	// MaxConnections is how many devices may be connected.
	MaxConnections int
	// IdleTime is how long a connection may bring no frame that is taken.
	IdleTime time.Duration
	// FrameTime is how long a frame may take to arrive.
	FrameTime time.Duration
	// PartTime is how long the next part of a report may take to arrive.
	PartTime time.Duration
	// AnswerTime is after how long without the next part the device is taken to
	// wait for the answer to the one before; 1 s if 0.
	AnswerTime time.Duration
	// HeartbeatAnswer is the command that answers heartbeats.
	HeartbeatAnswer int
	Metrics         *metrics.Set
	Logger          *slog.Logger
}

// inputName is the label of this input.
const inputName = "hj212"

// Server accepts connections of devices.
type Server struct {
	opts     Options
	sum      *checksum
	seed     maphash.Seed
	counters counters
	stations atomic.Pointer[register]
	messages sync.Pool

	// submitting ends when nothing may be submitted any more.
	submitting context.Context
	stop       context.CancelFunc

	working  conc.WaitGroup // accepting, reading, writing
	listener net.Listener

	mu       sync.Mutex
	open     map[*conn]struct{}
	stopping bool
	empty    chan struct{} // closed when stopping and no connection is open

	warnedFull atomic.Int64 // seconds
}

// New returns a Server; Serve starts it.
func New(o Options) *Server {
	if o.AnswerTime == 0 {
		o.AnswerTime = time.Second
	}
	s := &Server{opts: o, sum: newChecksum(), seed: maphash.MakeSeed(), open: map[*conn]struct{}{}, empty: make(chan struct{})}
	s.submitting, s.stop = context.WithCancel(context.Background())
	s.counters = newCounters(o.Metrics)
	o.Metrics.GetOrCreateGauge(`belfry_hj212_connections`, s.connections)
	s.messages.New = func() any { return newMessage() }
	s.SetStations(o.Stations)
	return s
}

// SetStations changes who may send, from the next frame on.
func (s *Server) SetStations(stations []Station) {
	r := newRegister(stations)
	s.stations.Store(&r)
}

func (s *Server) connections() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return float64(len(s.open))
}

// Serve accepts connections of l in the background, until Stop. It may be
// called once.
func (s *Server) Serve(l net.Listener) {
	s.listener = l
	s.working.Go(func() { s.accept(l) })
}

func (s *Server) accept(l net.Listener) {
	const longest = time.Second
	wait := 5 * time.Millisecond
	for {
		nc, err := l.Accept()
		if err == nil {
			wait = 5 * time.Millisecond
			s.admit(nc)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		// Out of file descriptors, most likely: others will be freed.
		s.opts.Logger.Warn("cannot accept a connection", "err", err)
		select {
		case <-s.submitting.Done():
			return
		case <-time.After(wait):
			wait = min(2*wait, longest)
		}
	}
}

func (s *Server) admit(nc net.Conn) {
	c := newConn(s, nc)
	s.mu.Lock()
	full := len(s.open) >= s.opts.MaxConnections
	refuse := full || s.stopping
	if !refuse {
		s.open[c] = struct{}{}
	}
	s.mu.Unlock()
	if refuse {
		if full {
			s.turnAway(nc)
		}
		_ = nc.Close()
		return
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		// Who does not read its answers is to be noticed soon.
		_ = tcp.SetWriteBuffer(writeBuffer)
	}
	s.working.Go(c.serve)
}

// turnAway says once a minute that there are too many.
func (s *Server) turnAway(nc net.Conn) {
	s.counters.closed("limit")
	now := time.Now().Unix()
	if last := s.warnedFull.Load(); now-last >= 60 && s.warnedFull.CompareAndSwap(last, now) {
		s.opts.Logger.Warn("connections are turned away: as many as max_connections are open",
			"max_connections", s.opts.MaxConnections, "from", nc.RemoteAddr())
	}
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	s.closeIfEmpty()
}

func (s *Server) closeIfEmpty() {
	if s.stopping && len(s.open) == 0 {
		select {
		case <-s.empty:
		default:
			close(s.empty)
		}
	}
}

// Stop takes nothing more and returns when what was taken has been answered, or
// when ctx ends. The queue must work until then, and may stop after it.
func (s *Server) Stop(ctx context.Context) error {
	var err error
	if s.listener != nil {
		if err = s.listener.Close(); errors.Is(err, net.ErrClosed) {
			err = nil
		}
	}
	s.stop()
	s.mu.Lock()
	s.stopping = true
	for c := range s.open {
		c.stopReading()
	}
	s.closeIfEmpty()
	s.mu.Unlock()
	select {
	case <-s.empty:
	case <-ctx.Done():
		s.mu.Lock()
		n := len(s.open)
		for c := range s.open {
			c.abort()
		}
		s.mu.Unlock()
		err = errors.Join(err, fmt.Errorf("HJ 212: %d connections had answers to come: %w", n, ctx.Err()))
	}
	s.working.Wait()
	return err
}

// counters are looked up once, because looking up builds a name.
type counters struct {
	set        *metrics.Set
	frames     map[int]*metrics.Counter
	others     *metrics.Counter
	stored     *metrics.Counter
	unanswered *metrics.Counter
}

func newCounters(set *metrics.Set) counters {
	c := counters{
		set:        set,
		frames:     map[int]*metrics.Counter{},
		others:     set.GetOrCreateCounter(`belfry_hj212_frames_total{cn="other"}`),
		stored:     set.GetOrCreateCounter(`belfry_hj212_acknowledged_total`),
		unanswered: set.GetOrCreateCounter(`belfry_hj212_not_acknowledged_total`),
	}
	for _, cn := range []int{
		cnAskTime, cnReadings, cnState, cnDay, cnRunning, cnMinute, cnHour, cnRestart, cnSampleKept, cnSerial,
		cnInformation, cnAccepted, 9012, cnNotified, cnStored, cnHeartbeat, cnLogin,
	} {
		c.frames[cn] = set.GetOrCreateCounter(fmt.Sprintf(`belfry_hj212_frames_total{cn="%d"}`, cn))
	}
	return c
}

func (c *counters) frame(cn int) {
	if n, ok := c.frames[cn]; ok {
		n.Inc()
		return
	}
	c.others.Inc()
}

func (c *counters) closed(why string) {
	c.set.GetOrCreateCounter(fmt.Sprintf(`belfry_hj212_connections_closed_total{why=%q}`, why)).Inc()
}
