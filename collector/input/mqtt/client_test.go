package mqtt

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
)

// far is an external broker, which a client reaches through a proxy that can
// break the connection.
type far struct {
	*station
	t     testing.TB
	proxy *proxy
}

// proxy forwards bytes and can cut all connections.
type proxy struct {
	listener net.Listener
	work     conc.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
	refuse   bool
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: l}
	p.work.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			p.mu.Lock()
			if err != nil || p.refuse {
				_ = in.Close()
				if err == nil {
					_ = out.Close()
				}
				p.mu.Unlock()
				continue
			}
			p.conns = append(p.conns, in, out)
			p.mu.Unlock()
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				p.work.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
					_ = pair[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.cut(true)
		p.work.Wait()
	})
	return p
}

func (p *proxy) cut(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns, p.refuse = nil, refuse
}

// reader is a Belfry that is a client of an external broker.
type reader struct {
	*Client
	t     testing.TB
	set   *metrics.Set
	store *heldStore
	stop  func()
}

func newReader(t testing.TB, addr string, change ...func(*ClientOptions)) *reader {
	t.Helper()
	r := &reader{t: t, set: metrics.NewSet(), store: openStore(t)}
	in := intake.New(intake.Options{Store: r.store, Metrics: r.set, Lag: func() time.Duration { return 0 }})
	queue := in.NewQueue(Name, 8<<20)
	u, err := url.Parse("mqtt://" + addr)
	require.NoError(t, err)
	o := ClientOptions{
		Name: "far", URL: u, V5: true, ClientID: "belfry-test", QoS: 1, KeepAlive: 30 * time.Second, SessionExpiry: time.Hour,
		Retained: true, MaxPacket: 1 << 20, Queue: queue, State: filepath.Join(t.TempDir(), "far.json"),
		Topics: Topics{{Pattern: pattern(t, "city/+district/+asset/reading"), Decoder: lineproto.NewDecoder(0, 0)}},
		Logger: slog.New(slog.DiscardHandler), Metrics: r.set,
	}
	for _, f := range change {
		f(&o)
	}
	r.Client = NewClient(o)
	ctx, cancel := context.WithCancel(context.Background())
	var work conc.WaitGroup
	work.Go(func() { queue.Run(ctx) })
	require.NoError(t, r.Start())
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			within, done := context.WithTimeout(context.Background(), 10*time.Second)
			defer done()
			require.NoError(t, r.Stop(within))
			cancel()
			work.Wait()
		})
	}
	t.Cleanup(func() {
		r.stop()
		require.NoError(t, r.store.Close())
	})
	return r
}

func (r *reader) eventually(counter string, want uint64) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.set.GetOrCreateCounter(counter).Get() == want }, 30*time.Second, 5*time.Millisecond,
		"%s should become %d", counter, want)
}

func (r *reader) stored() map[string][]float64 {
	return (&station{t: r.t, store: r.store}).stored()
}

// newFar is an external broker that is no Belfry's: it stores nothing.
func newFar(t testing.TB) *far {
	s := newStation(t, func(o *BrokerOptions) { o.Topics = nil })
	return &far{station: s, t: t, proxy: newProxy(t, s.addr)}
}

func (f *far) proxied() string { return f.proxy.listener.Addr().String() }

func (f *far) subscribers(n int64) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		s := f.server.Topics.Subscribers(wellTopic)
		return int64(len(s.Subscriptions)+len(s.Shared)) == n
	}, 30*time.Second, 5*time.Millisecond)
}

func versions(t *testing.T, run func(t *testing.T, version func(*ClientOptions))) {
	for _, v5 := range []bool{true, false} {
		t.Run(map[bool]string{true: "MQTT 5", false: "MQTT 3.1.1"}[v5], func(t *testing.T) {
			run(t, func(o *ClientOptions) { o.V5 = v5 })
		})
	}
}

func TestAClientAcknowledgesToItsBrokerWhatIsOnDisk(t *testing.T) {
	versions(t, func(t *testing.T, version func(*ClientOptions)) {
		for qos := range byte(3) {
			f := newFar(t)
			r := newReader(t, f.addr, version, func(o *ClientOptions) { o.QoS = qos })
			f.subscribers(1)
			release := r.store.holdUp()
			pub := f.connect(connecting{id: "pub"})
			for i := range 20 {
				pub.publish(wellTopic, 2, uint16(i+1), fmt.Sprintf("gas ch4=%d", i))
				require.Equal(t, fmt.Sprintf("PUBREC %d", i+1), pub.answer())
			}
			cl, ok := f.server.Clients.Get("belfry-test")
			require.True(t, ok)
			if qos > 0 {
				require.Equal(t, 20, cl.State.Inflight.Len(), "not acknowledged yet")
			}
			release()
			r.eventually(outcomeStored, 20)
			require.Eventually(t, func() bool { return cl.State.Inflight.Len() == 0 }, 20*time.Second, time.Millisecond)
			require.Equal(t, 20, sum(r.stored()))
			r.stop()
		}
	})
}

func TestMessagesThatAreSentAgainAfterALostConnectionAreStoredOnce(t *testing.T) {
	versions(t, func(t *testing.T, version func(*ClientOptions)) {
		for qos := byte(1); qos < 3; qos++ {
			f := newFar(t)
			r := newReader(t, f.proxied(), version, func(o *ClientOptions) { o.QoS = qos })
			f.subscribers(1)
			pub := f.connect(connecting{id: "pub"})
			publish := func(from, to int) {
				for i := from; i < to; i++ {
					pub.publish(wellTopic, 1, uint16(i+1), fmt.Sprintf("gas ch4=%d", i))
					require.Equal(t, fmt.Sprintf("PUBACK %d", i+1), pub.answer())
				}
			}
			release := r.store.holdUp()
			publish(0, 10)
			f.proxy.cut(true)
			require.Eventually(t, func() bool { return !r.up.Load() }, 20*time.Second, time.Millisecond)
			publish(10, 20) // the broker keeps them for the session
			f.proxy.cut(false)
			r.eventually(`belfry_mqtt_reconnects_total{client="far"}`, 1)
			publish(20, 30)
			release()
			r.eventually(outcomeStored, 30)
			cl, ok := f.server.Clients.Get("belfry-test")
			require.True(t, ok)
			require.Eventually(t, func() bool { return cl.State.Inflight.Len() == 0 }, 20*time.Second, time.Millisecond)
			require.Equal(t, 30, sum(r.stored()), "readings have no time of their own, so one that is stored twice would count twice")
			r.stop()
		}
	})
}

func TestAClientFindsWhatCameWhileItWasAway(t *testing.T) {
	versions(t, func(t *testing.T, version func(*ClientOptions)) {
		f := newFar(t)
		r := newReader(t, f.addr, version)
		f.subscribers(1)
		r.stop()
		pub := f.connect(connecting{id: "pub"})
		for i := range 50 {
			pub.publish(wellTopic, 1, uint16(i+1), fmt.Sprintf("gas ch4=%d", i))
			require.Equal(t, fmt.Sprintf("PUBACK %d", i+1), pub.answer())
		}
		again := newReader(t, f.addr, version)
		again.eventually(outcomeStored, 50)
		require.Equal(t, 50, sum(again.stored()))
		again.stop()
	})
}

func TestSharedSubscriptionsDivideTheMessages(t *testing.T) {
	versions(t, func(t *testing.T, version func(*ClientOptions)) {
		f := newFar(t)
		var both []*reader
		for i := range 2 {
			both = append(both, newReader(t, f.addr, version, func(o *ClientOptions) { o.Group, o.ClientID = "belfry", fmt.Sprintf("belfry-%d", i) }))
		}
		require.Eventually(t, func() bool {
			return len(f.server.Topics.Subscribers(wellTopic).Shared["$share/belfry/city/+/+/reading"]) == 2
		}, 30*time.Second, 5*time.Millisecond)
		pub := f.connect(connecting{id: "pub"})
		for i := range 100 {
			pub.publish(wellTopic, 1, uint16(i+1), fmt.Sprintf("gas ch4=%d", i))
			require.Equal(t, fmt.Sprintf("PUBACK %d", i+1), pub.answer())
		}
		require.Eventually(t, func() bool { return sum(both[0].stored())+sum(both[1].stored()) == 100 }, 20*time.Second, 10*time.Millisecond)
		require.NotEmpty(t, both[0].stored())
		require.NotEmpty(t, both[1].stored())
		for _, r := range both {
			r.stop()
		}
	})
}

func TestNewTopicsAreSubscribedToAndOldOnesAreTakenBack(t *testing.T) {
	versions(t, func(t *testing.T, version func(*ClientOptions)) {
		f := newFar(t)
		state := filepath.Join(t.TempDir(), "state.json")
		with := func(o *ClientOptions) { o.State = state }
		r := newReader(t, f.addr, version, with)
		f.subscribers(1)
		r.SetTopics(Topics{{Pattern: pattern(t, "wells/+asset"), Decoder: lineproto.NewDecoder(0, 0)}})
		f.subscribers(0)
		require.Eventually(t, func() bool { return len(f.server.Topics.Subscribers("wells/W1").Subscriptions) == 1 }, 20*time.Second, time.Millisecond)
		r.stop()

		again := newReader(t, f.addr, version, with)
		f.subscribers(1)
		require.Eventually(t, func() bool { return len(f.server.Topics.Subscribers("wells/W1").Subscriptions) == 0 }, 20*time.Second, time.Millisecond,
			"the broker's session still has the filter of the configuration before")
		again.stop()
	})
}

func TestRetainedMessagesAreReadingsOnlyIfThatIsWanted(t *testing.T) {
	versions(t, func(t *testing.T, version func(*ClientOptions)) {
		for _, wanted := range []bool{true, false} {
			f := newFar(t)
			pub := f.connect(connecting{id: "pub"})
			pub.publish(wellTopic, 1, 1, "gas ch4=1", retain)
			require.Equal(t, "PUBACK 1", pub.answer())
			r := newReader(t, f.addr, version, func(o *ClientOptions) { o.Retained = wanted })
			f.subscribers(1)
			pub.publish(wellTopic, 1, 2, "gas ch4=2")
			require.Equal(t, "PUBACK 2", pub.answer())
			want := uint64(1)
			if wanted {
				want = 2
			}
			r.eventually(outcomeStored, want)
			require.Equal(t, int(want), sum(r.stored()))
			r.stop()
		}
	})
}

func TestAClientThatIsNotLetInTriesAgainAndSaysSo(t *testing.T) {
	versions(t, func(t *testing.T, version func(*ClientOptions)) {
		f := newFar(t)
		f.door.demand.Store(true)
		r := newReader(t, f.addr, version, func(o *ClientOptions) { o.Username, o.Password = "well-17", "secret" })
		f.subscribers(1)
		r.stop()
		wrong := newReader(t, f.addr, version, func(o *ClientOptions) { o.Username, o.Password = "well-17", "wrong" })
		before := f.door.entered.Load()
		require.Eventually(t, func() bool { return f.door.entered.Load() >= before+2 }, 30*time.Second, 5*time.Millisecond)
		require.False(t, wrong.up.Load())
		wrong.stop()
	})
}

func TestAClientRefusesWhatItCannotReadAndAcknowledgesIt(t *testing.T) {
	f := newFar(t)
	r := newReader(t, f.addr, func(o *ClientOptions) {
		o.Topics = Topics{{Pattern: pattern(t, "city/#"), Decoder: lineproto.NewDecoder(0, 0)}}
	})
	f.subscribers(1)
	pub := f.connect(connecting{id: "pub"})
	pub.publish(wellTopic, 1, 1, "gas")
	pub.publish(wellTopic, 1, 2, "gas ch4=1")
	r.eventually(outcomeRefused, 1)
	r.eventually(outcomeStored, 1)
	require.EqualValues(t, 1, r.set.GetOrCreateCounter(refusedFor(reading.ReasonSyntax)).Get())
	cl, _ := f.server.Clients.Get("belfry-test")
	require.Eventually(t, func() bool { return cl.State.Inflight.Len() == 0 }, 20*time.Second, time.Millisecond)
}

func TestAClientRefusesMessagesThatAreTooLargeAndAcknowledgesThem(t *testing.T) {
	versions(t, func(t *testing.T, version func(*ClientOptions)) {
		f := newFar(t)
		r := newReader(t, f.addr, version, func(o *ClientOptions) { o.MaxPacket = 1 << 10 })
		f.subscribers(1)
		pub := f.connect(connecting{id: "pub"})
		pub.publish(wellTopic, 1, 1, "gas ch4=1\n#"+strings.Repeat("x", 1<<10))
		pub.publish(wellTopic, 1, 2, "gas ch4=2")
		r.eventually(outcomeStored, 1)
		refused := uint64(1)
		if r.opts.V5 {
			refused = 0 // the broker does not send it
		}
		require.Equal(t, refused, r.set.GetOrCreateCounter(refusedFor(reading.ReasonTooLarge)).Get())
		cl, _ := f.server.Clients.Get("belfry-test")
		require.Equal(t, []string{`{__name__="gas_ch4", asset="W17", district="yuzhong"} [2]`}, sorted(r.stored()))
		if !r.opts.V5 {
			require.Eventually(t, func() bool { return cl.State.Inflight.Len() == 0 }, 20*time.Second, time.Millisecond)
		}
		r.stop()
	})
}

func TestWithoutAStateFileNothingIsRemembered(t *testing.T) {
	f := newFar(t)
	r := newReader(t, f.addr, func(o *ClientOptions) { o.State = "" })
	f.subscribers(1)
	r.stop()
	state := filepath.Join(t.TempDir(), "broken.json")
	require.NoError(t, os.WriteFile(state, []byte("{"), 0o600))
	r = newReader(t, f.addr, func(o *ClientOptions) { o.State, o.ClientID = state, "other" })
	f.subscribers(2)
	r.stop()
}

func TestTheWaitBeforeTheNextAttemptStaysShortUnlessTheBrokerSaysNo(t *testing.T) {
	c := &Client{}
	require.Zero(t, c.backoff(0))
	for attempt := 1; attempt < 100; attempt++ {
		require.Less(t, c.backoff(attempt), time.Second)
		require.Positive(t, c.backoff(attempt))
	}
	group := &Client{opts: ClientOptions{Group: "g"}}
	require.Less(t, group.backoff(20), 250*time.Millisecond, "the broker may have forgotten the group")
	c.denied.Store(true)
	require.Greater(t, c.backoff(20), 14*time.Second)
	require.LessOrEqual(t, c.backoff(20), 30*time.Second)
}
