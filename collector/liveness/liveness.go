package liveness

import (
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// The series of each device.
const (
	// Seen is the time of the newest reading of a device, in seconds since 1970.
	Seen = "device_last_seen_timestamp_seconds"
	// Silent is 1 while a device is silent, else 0.
	Silent = "device_silent"
)

// Options of a Liveness; all are required unless it says otherwise.
type Options struct {
	// Store takes the series. Its appenders need not wait for the disk.
	Store storage.Appendable
	// Catalog is the running one.
	Catalog func() *catalog.Catalog
	// File is where the devices are remembered; "" remembers nothing.
	File string
	// Factor is how many expected intervals a device may be silent, and Least how
	// long at least.
	Factor float64
	Least  time.Duration
	// Forget is after how long silent devices that are not in the catalog are
	// forgotten.
	Forget time.Duration
	// Max is how many devices there may be; others are not watched.
	Max     int
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Liveness is safe for concurrent use.
type Liveness struct {
	opts Options

	mu      sync.RWMutex
	devices map[string]*device

	// deaf is when something could not be heard for the last time.
	deaf atomic.Int64

	attentionMu sync.Mutex
	attention   []*device
	wake        chan struct{}
	reload      atomic.Bool

	alive, silent, learning atomic.Int64
	refused, forgotten      *metrics.Counter
	full                    sync.Once

	loop
}

var _ tsdb.Listener = (*Liveness)(nil)

// New returns a Liveness that knows what its file holds. Devices are heard from
// now on, and found silent while Run runs.
func New(o Options) *Liveness {
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Liveness{opts: o, devices: map[string]*device{}, wake: make(chan struct{}, 1)}
	for state, n := range map[string]*atomic.Int64{"alive": &l.alive, "silent": &l.silent, "learning": &l.learning} {
		o.Metrics.NewGauge(`belfry_devices{state="`+state+`"}`, func() float64 { return float64(n.Load()) })
	}
	l.refused = o.Metrics.NewCounter(`belfry_devices_refused_total`)
	l.forgotten = o.Metrics.NewCounter(`belfry_devices_forgotten_total`)
	l.load()
	l.reload.Store(true)
	return l
}

func (l *Liveness) now() int64 { return l.opts.Now().UnixMilli() }

// allowance is how long a device may be silent of which something is expected
// every interval, in milliseconds.
func (l *Liveness) allowance(interval int64) int64 {
	return max(int64(l.opts.Factor*float64(interval)), l.opts.Least.Milliseconds())
}

// Listen implements tsdb.Listener.
func (l *Liveness) Listen(series labels.Labels) *tsdb.Pulse {
	asset := series.Get("asset")
	name := series.Get(model.MetricNameLabel)
	if asset == "" || saidOf(name) {
		return nil
	}
	d := l.device(asset)
	if d == nil {
		return nil
	}
	if name == "camera_up" {
		d.watchedElsewhere()
	}
	return &d.pulse
}

// saidOf tells the series that say something of a device which it has not sent,
// as they come from scrapes and from other Belfrys and Prometheus servers. Who
// says that it was seen has heard it: that is the heartbeat of HJ 212.
func saidOf(metric string) bool {
	switch metric {
	case Silent, "asset_info", "asset_threshold", "ALERTS", "ALERTS_FOR_STATE", "up":
		return true
	}
	return strings.HasPrefix(metric, "scrape_") || strings.HasPrefix(metric, "anomaly_")
}

// device finds a device or makes it; nil where there are too many.
func (l *Liveness) device(asset string) *device {
	l.mu.RLock()
	d := l.devices[asset]
	l.mu.RUnlock()
	if d != nil {
		return d
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.devices[asset]; d != nil {
		return d
	}
	if len(l.devices) >= l.opts.Max {
		l.refused.Inc()
		l.full.Do(func() {
			l.opts.Logger.Warn("there are more devices than are watched (devices.max); the others are never found silent", "max", l.opts.Max, "first", asset)
		})
		return nil
	}
	d = &device{asset: strings.Clone(asset), of: l, at: -1}
	d.pulse.Beat, d.idle = d.sign, wanted
	l.devices[d.asset] = d
	return d
}

// Unheard notes that something could not be taken: until now, nobody is silent
// because nothing was heard.
func (l *Liveness) Unheard() { l.deaf.Store(l.now()) }

// Reload has Run look at the catalog again.
func (l *Liveness) Reload() {
	l.reload.Store(true)
	l.rouse()
}

// attend has Run look at a device.
func (l *Liveness) attend(d *device) {
	l.attentionMu.Lock()
	l.attention = append(l.attention, d)
	l.attentionMu.Unlock()
	l.rouse()
}

func (l *Liveness) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
