package mqtt

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/reading"
)

// ClientOptions are those of a client of an external broker.
type ClientOptions struct {
	Name string // for metrics and logs
	URL  *url.URL
	// V5 is MQTT 5; otherwise it is 3.1.1.
	V5                 bool
	ClientID           string
	Username, Password string
	TLS                *tls.Config // nil: the defaults, where URL demands TLS
	// Group makes the subscriptions shared ones; "": they are not.
	Group         string
	QoS           byte
	KeepAlive     time.Duration
	SessionExpiry time.Duration // MQTT 5
	Retained      bool          // retained messages are readings
	// MaxPacket is the size in bytes of the largest message that is taken. What is
	// larger, a broker of MQTT 5 does not send.
	MaxPacket int
	// State is the file that remembers what is subscribed to; "": none.
	State   string
	Topics  Topics
	Queue   Queue
	Logger  *slog.Logger
	Metrics *metrics.Set
}

// Client takes messages from an external broker, in a session that the broker
// keeps while Belfry is away. It connects again by itself.
type Client struct {
	opts     ClientOptions
	router   *router
	messages *messages
	link     link
	ctx      context.Context
	cancel   context.CancelFunc
	work     conc.WaitGroup
	changed  chan struct{} // there is something to subscribe to

	up         atomic.Bool
	again      atomic.Bool // there was a connection before
	denied     atomic.Bool // the broker did not let us in
	reconnects *metrics.Counter

	mu     sync.Mutex
	routes routes
	repeat repeats

	logMu   sync.Mutex
	nextLog time.Time
}

// link is a connection by one version of the protocol.
type link interface {
	start(ctx context.Context) error
	// change subscribes and unsubscribes; it waits for the broker's answer.
	change(ctx context.Context, add, remove []string) error
	stop(ctx context.Context) error
}

// NewClient returns a client that Start starts.
func NewClient(o ClientOptions) *Client {
	c := &Client{
		opts: o, router: newRouter(o.Topics), messages: newMessages(newCount(o.Metrics)),
		repeat:     repeats{pending: map[uint16]*message{}, done: map[uint16]uint64{}, seed: maphash.MakeSeed()},
		reconnects: o.Metrics.GetOrCreateCounter(fmt.Sprintf(`belfry_mqtt_reconnects_total{client=%q}`, o.Name)),
	}
	c.routes.router, c.changed = c.router, make(chan struct{}, 1)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	o.Metrics.NewGauge(fmt.Sprintf(`belfry_mqtt_connected{client=%q}`, o.Name), func() float64 {
		if c.up.Load() {
			return 1
		}
		return 0
	})
	if o.V5 {
		c.link = newLink5(c)
	} else {
		c.link = newLink311(c)
	}
	return c
}

// Start begins to connect; it does not wait for the broker.
func (c *Client) Start() error {
	c.work.Go(c.subscribeWhenDue)
	if err := c.link.start(c.ctx); err != nil {
		return fmt.Errorf("MQTT client %s: %w", c.opts.Name, err)
	}
	return nil
}

// Stop disconnects. What the broker has sent and is not acknowledged, it sends
// again to the next connection of the session.
func (c *Client) Stop(ctx context.Context) error {
	c.cancel()
	err := c.link.stop(ctx)
	c.work.Wait()
	return err
}

// SetTopics replaces the patterns, and has them subscribed to.
func (c *Client) SetTopics(ts Topics) {
	c.router.topics.Store(&ts)
	c.change()
}

func (c *Client) change() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// filters are what is to be subscribed to.
func (c *Client) filters() []string {
	filters := c.router.topics.Load().Filters()
	if c.opts.Group != "" {
		for i, f := range filters {
			filters[i] = "$share/" + c.opts.Group + "/" + f
		}
	}
	return filters
}

// connected is called on each connection.
func (c *Client) connected() {
	c.up.Store(true)
	if c.again.Swap(true) {
		c.reconnects.Inc()
	}
	c.opts.Logger.Info("connected to an MQTT broker", "client", c.opts.Name, "url", c.opts.URL.Redacted())
	c.change()
}

// subscribeWhenDue subscribes after each connection and each change of topics,
// and again when that has failed.
func (c *Client) subscribeWhenDue() {
	const first, most = time.Second, 30 * time.Second
	wait := first
	var retry <-chan time.Time
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.changed:
			wait = first
		case <-retry:
		}
		retry = nil
		if !c.up.Load() {
			continue // the next connection changes that
		}
		if err := c.subscribe(c.ctx); err != nil && c.ctx.Err() == nil {
			c.opts.Logger.Error("could not subscribe; trying again", "client", c.opts.Name, "err", err, "after", wait)
			retry = time.After(wait)
			wait = min(2*wait, most)
		}
	}
}

// lost is called when a connection ends, or does not come about.
func (c *Client) lost(err error) {
	c.up.Store(false)
	c.logMu.Lock()
	now := time.Now()
	due := now.After(c.nextLog)
	if due {
		c.nextLog = now.Add(logInterval)
	}
	c.logMu.Unlock()
	if due && c.ctx.Err() == nil {
		c.opts.Logger.Warn("no connection to an MQTT broker; trying again", "client", c.opts.Name, "url", c.opts.URL.Redacted(), "err", err)
	}
}

// subscribe tells the broker all filters, and takes back those of earlier
// configurations, which the broker's session still has.
func (c *Client) subscribe(ctx context.Context) error {
	want, before := c.filters(), c.remembered()
	remove := slices.DeleteFunc(slices.Clone(before), func(f string) bool { return slices.Contains(want, f) })
	// First remembered, then done: what a crash leaves is taken back later.
	if err := c.remember(append(slices.Clone(remove), want...)); err != nil {
		return err
	}
	if err := c.link.change(ctx, want, remove); err != nil {
		return err
	}
	return c.remember(want)
}

func (c *Client) remembered() (filters []string) {
	if c.opts.State == "" {
		return nil
	}
	data, err := os.ReadFile(c.opts.State)
	if err == nil {
		err = json.Unmarshal(data, &filters)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.opts.Logger.Warn("what was subscribed to is forgotten", "client", c.opts.Name, "err", err)
	}
	return filters
}

func (c *Client) remember(filters []string) error {
	if c.opts.State == "" {
		return nil
	}
	data, err := json.Marshal(filters)
	if err == nil {
		err = os.WriteFile(c.opts.State, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("remember what is subscribed to: %w", err)
	}
	return nil
}

// arrival is a message from the broker. ack is called once, when it is on disk
// or was refused; it must not wait.
type arrival struct {
	topic         string
	payload       []byte
	id            uint16
	qos           byte
	dup, retained bool
	ack           func()
}

// take hands a message to the queue, and waits while that is full.
func (c *Client) take(a arrival) {
	if a.retained && (!c.opts.Retained || len(a.payload) == 0) {
		a.ack()
		return
	}
	oversized := len(a.topic)+len(a.payload) > c.opts.MaxPacket
	if oversized {
		a.payload = nil
	}
	c.mu.Lock()
	if a.qos > 0 && c.repeat.seen(&a) {
		c.mu.Unlock()
		return
	}
	r := c.routes.find([]byte(a.topic))
	m := c.messages.get()
	m.Body = append(m.Body[:0], a.payload...)
	m.Topic, m.Labels, m.Sender, m.Received = a.topic, r.labels, c.opts.Name, time.Now().UnixMilli()
	m.id, m.qos, m.client, m.ack, m.decoder = a.id, a.qos, c, a.ack, r.decoder
	if a.qos > 0 {
		c.repeat.pending[a.id] = m
	}
	c.mu.Unlock()
	switch {
	case oversized:
		m.decoder = refusing{reading.ReasonTooLarge, errOversized.Error()}
	case m.decoder == nil:
		m.decoder = refusing{reading.ReasonUnknownSource, errNoPattern.Error() + ": " + a.topic}
	}
	if err := c.opts.Queue.Submit(c.ctx, &m.Message, m.decoder, m.done); err != nil {
		c.answer(m, err) // only when stopping
		m.release()
	}
}

// answer acknowledges what is on disk.
func (c *Client) answer(m *message, err error) {
	c.mu.Lock()
	ack := m.ack
	if m.qos > 0 && c.repeat.pending[m.id] == m {
		delete(c.repeat.pending, m.id)
		if err == nil {
			c.repeat.done[m.id] = c.repeat.sum(m.Topic, m.Body)
		}
	}
	c.mu.Unlock()
	if err == nil {
		ack()
	}
}

// repeats recognises messages that the broker sends again because a connection
// was lost before their acknowledgement, so that a reading without a time of its
// own is not stored twice. Entries are at most as many as there are packet
// identifiers.
type repeats struct {
	pending map[uint16]*message // not on disk yet
	done    map[uint16]uint64   // sums of those that are
	seed    maphash.Seed
}

// seen says whether nothing is left to be done but to acknowledge.
func (r *repeats) seen(a *arrival) bool {
	if m, ok := r.pending[a.id]; ok && a.dup && m.Topic == a.topic && string(m.Body) == string(a.payload) {
		m.ack = a.ack
		return true
	}
	sum, ok := r.done[a.id]
	delete(r.done, a.id)
	if ok && a.dup && sum == r.sum(a.topic, a.payload) {
		r.done[a.id] = sum
		a.ack()
		return true
	}
	return false
}

func (r *repeats) sum(topic string, payload []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(r.seed)
	_, _ = h.WriteString(topic) // never fails
	_ = h.WriteByte(0)
	_, _ = h.Write(payload)
	return h.Sum64()
}

// backoff is how long is waited before an attempt to connect, the first being 0.
// A broker that comes back may have forgotten what was subscribed to, and drops
// what is published until it hears of it again; so the wait stays short, unless
// it was the broker who said no.
func (c *Client) backoff(attempt int) time.Duration {
	const first, mostDenied = 100 * time.Millisecond, 30 * time.Second
	if attempt == 0 {
		return 0
	}
	wait := first << min(attempt-1, 10)
	if c.denied.Load() {
		wait = min(wait, mostDenied)
	} else {
		wait = min(wait, c.retryTime())
	}
	// Belfrys that lost the same broker do not come back in one moment.
	return wait/2 + rand.N(wait/2)
}

// retryTime is the longest wait before an attempt to connect to a broker that is
// not there. What brokers forget first are shared subscriptions: mosquitto keeps
// none over its own restart.
func (c *Client) retryTime() time.Duration {
	if c.opts.Group != "" {
		return 250 * time.Millisecond
	}
	return time.Second
}

// refusedFilters names the filters whose subscription failed.
func refusedFilters(filters []string, codes []byte) error {
	var refused []string
	for i, code := range codes {
		if code >= 0x80 && i < len(filters) {
			refused = append(refused, fmt.Sprintf("%s (reason code %#x)", filters[i], code))
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return fmt.Errorf("not subscribed to %s", strings.Join(refused, ", "))
}
