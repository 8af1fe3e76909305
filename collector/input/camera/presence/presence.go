package presence

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
)

// Metric is 1 while a camera gives signs of life, and 0 when it has stopped.
const Metric = "camera_up"

const (
	// every is how often all cameras are written, so that no query finds a stale
	// series; queries look back five minutes.
	every = time.Minute
	// checkEvery is how soon a camera is found to be silent.
	checkEvery = time.Second
	// forgetAfter is how long a silent camera that the catalog does not know is
	// reported as down.
	forgetAfter = 7 * 24 * time.Hour
	// maxCameras bounds the memory against senders that make up names.
	maxCameras = 100_000
)

// Options of a Presence; all are required unless it says otherwise.
type Options struct {
	// File is where the cameras are remembered; "" remembers nothing.
	File string
	// Timeout is how long a camera of a vendor may be silent. strict is false
	// where nobody has configured it: a camera that has never sent a heartbeat,
	// and reports events only, is not called down then.
	Timeout func(vendor string) (timeout time.Duration, strict bool)
	// Listed says whether the catalog has the asset; such a camera is never
	// forgotten.
	Listed func(asset string) bool
	// Write stores what the decoder makes of the message.
	Write   func(context.Context, *input.Message, input.Decoder) error
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Presence is safe for concurrent use.
type Presence struct {
	opts Options

	mu      sync.Mutex
	cameras map[string]*camera
	changed bool // since it was saved
}

// camera is one of them; times are in milliseconds.
type camera struct {
	Asset  string        `json:"asset"`
	Vendor string        `json:"vendor"`
	Source string        `json:"source,omitempty"`
	Labels []input.Label `json:"labels,omitempty"`
	// Heartbeats is whether it has ever sent one.
	Heartbeats bool  `json:"heartbeats"`
	Seen       int64 `json:"seen"`
	Down       bool  `json:"down"`
	// Off is that it has been switched off on purpose: it is not reported.
	Off bool `json:"off,omitempty"`
}

// Sign is a sign of life of a camera.
type Sign struct {
	Asset, Vendor string
	// Source is through what it came, such as a recorder, if it can vanish
	// together with all its cameras.
	Source string
	// Labels surround the message, and the series of the camera.
	Labels []input.Label
	// Heartbeat is whether it was a sign of life and nothing else.
	Heartbeat bool
	At        int64 // milliseconds
}

// New returns a Presence that knows what its file holds.
func New(o Options) *Presence {
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Presence{opts: o, cameras: map[string]*camera{}}
	o.Metrics.NewGauge(`belfry_cameras{state="up"}`, func() float64 { return p.count(false) })
	o.Metrics.NewGauge(`belfry_cameras{state="down"}`, func() float64 { return p.count(true) })
	if err := p.load(); err != nil {
		o.Logger.Warn("the cameras of before are forgotten; those that send again are known again", "file", o.File, "err", err)
	}
	return p
}

func (p *Presence) count(down bool) (n float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.cameras {
		if c.Down == down && !c.Off {
			n++
		}
	}
	return n
}

// load reads the file. A camera that was up when Belfry stopped has its whole
// timeout from now on, because nothing could be heard of it meanwhile.
func (p *Presence) load() error {
	if p.opts.File == "" {
		return nil
	}
	data, err := os.ReadFile(p.opts.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read cameras: %w", err)
	}
	var all []*camera
	if err := json.Unmarshal(data, &all); err != nil {
		return fmt.Errorf("read cameras: %w", err)
	}
	now := p.opts.Now().UnixMilli()
	for _, c := range all {
		if c == nil || c.Asset == "" {
			continue
		}
		if !c.Down || c.Seen > now {
			c.Seen = now
		}
		p.cameras[c.Asset] = c
	}
	return nil
}

// Seen notes a sign of life, and gives out the sample that says so.
func (p *Presence) Seen(out *reading.Builder, s Sign) {
	p.mu.Lock()
	if c := p.camera(s.Asset); c != nil {
		c.Vendor, c.Source, c.Seen = s.Vendor, strings.Clone(s.Source), max(c.Seen, s.At)
		c.Labels = others(c.Labels, s.Labels)
		c.Heartbeats = c.Heartbeats || s.Heartbeat
		if c.Down || c.Off {
			c.Down, c.Off, p.changed = false, false, true
		}
	}
	p.mu.Unlock()
	sample(out, s.Asset, nil, s.At, 1)
}

// camera finds one or makes it; nil where there are too many. The caller holds mu.
func (p *Presence) camera(asset string) *camera {
	c := p.cameras[asset]
	if c == nil && len(p.cameras) < maxCameras {
		c = &camera{Asset: strings.Clone(asset), Down: true, Off: true}
		p.cameras[c.Asset] = c
	}
	return c
}

// others are the labels besides that of the asset. old is kept where it is the
// same.
func others(old, labels []input.Label) []input.Label {
	labels = slices.DeleteFunc(slices.Clone(labels), func(l input.Label) bool { return l.Name == "asset" })
	if slices.Equal(old, labels) {
		return old
	}
	for i := range labels {
		labels[i] = input.Label{Name: strings.Clone(labels[i].Name), Value: strings.Clone(labels[i].Value)}
	}
	return labels
}

// Lost notes that a camera is down, because something said so, and gives out
// the sample that says it; also of one that has never been seen.
func (p *Presence) Lost(out *reading.Builder, s Sign) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.camera(s.Asset)
	if c == nil {
		sample(out, s.Asset, nil, s.At, 0)
		return
	}
	if c.Vendor == "" {
		c.Vendor, c.Source, c.Labels = s.Vendor, strings.Clone(s.Source), others(nil, s.Labels)
	}
	if c.Down {
		c.Seen = max(c.Seen, s.At) // it is not silent, and so not forgotten
	}
	if !c.Down || c.Off {
		c.Down, c.Off, p.changed = true, false, true
		sample(out, c.Asset, c.Labels, s.At, 0)
	}
}

// SourceLost notes that all cameras of a source are down.
func (p *Presence) SourceLost(out *reading.Builder, source string, at int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.sorted() {
		if !c.Down && !c.Off && c.Source == source && source != "" {
			c.Down, p.changed = true, true
			sample(out, c.Asset, c.Labels, at, 0)
		}
	}
}

// SwitchOff notes that a camera has been switched off on purpose, so that it is
// not reported until something is heard of it.
func (p *Presence) SwitchOff(asset string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.camera(asset); c != nil {
		c.Off, c.Seen, p.changed = true, p.opts.Now().UnixMilli(), true
	}
}

// IsOff says whether a camera has been switched off on purpose.
func (p *Presence) IsOff(asset string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.cameras[asset]
	return c != nil && c.Off
}

func (p *Presence) sorted() []*camera {
	all := make([]*camera, 0, len(p.cameras))
	for _, c := range p.cameras {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *camera) int { return cmp.Compare(a.Asset, b.Asset) })
	return all
}

func sample(out *reading.Builder, asset string, labels []input.Label, at int64, value float64) {
	if value == 0 {
		out.Own() // it is not the camera that says so
	}
	out.Begin(at)
	out.Label("asset", asset)
	for _, l := range labels {
		out.Label(l.Name, l.Value)
	}
	out.Value(Metric, value)
}

// Run finds silent cameras and writes all of them regularly, until ctx ends.
func (p *Presence) Run(ctx context.Context) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	next := p.opts.Now()
	for {
		now := p.opts.Now()
		silent := p.silent(now)
		if due := !now.Before(next); due || len(silent) > 0 {
			err := p.write(ctx, now, due, silent)
			switch {
			case err != nil && ctx.Err() == nil:
				p.opts.Logger.Warn("the state of the cameras is not stored; it is tried again", "err", err)
				next = now
			case due:
				next = now.Add(every)
			}
		}
		p.save()
		select {
		case <-ctx.Done():
			p.save()
			return
		case <-tick.C:
		}
	}
}

// silent marks cameras that have been silent for too long as down, and returns
// them. It forgets those that nobody misses.
func (p *Presence) silent(now time.Time) (down map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ms := now.UnixMilli()
	for asset, c := range p.cameras {
		quiet := time.Duration(ms-c.Seen) * time.Millisecond
		timeout, strict := p.opts.Timeout(c.Vendor)
		switch {
		case quiet > forgetAfter && !p.opts.Listed(asset):
			delete(p.cameras, asset)
			p.changed = true
		case !c.Down && !c.Off && quiet > timeout && (strict || c.Heartbeats):
			c.Down, p.changed = true, true
			if down == nil {
				down = map[string]bool{}
			}
			down[asset] = true
			p.opts.Logger.Info("a camera is silent", "asset", asset, "vendor", c.Vendor, "since", time.UnixMilli(c.Seen).UTC().Format(time.RFC3339))
		}
	}
	return down
}

// write stores the state of all cameras, or of those named.
func (p *Presence) write(ctx context.Context, now time.Time, all bool, named map[string]bool) error {
	p.mu.Lock()
	var states []camera
	for _, c := range p.sorted() {
		timeout, strict := p.opts.Timeout(c.Vendor)
		fresh := now.UnixMilli()-c.Seen <= timeout.Milliseconds()
		// Of a camera that only reports events nothing is known in between.
		known := c.Down || fresh || strict || c.Heartbeats
		if known && !c.Off && (all || named[c.Asset]) {
			states = append(states, *c)
		}
	}
	p.mu.Unlock()
	if len(states) == 0 {
		return nil
	}
	m := &input.Message{Sender: "belfry", Received: now.UnixMilli()}
	if err := p.opts.Write(ctx, m, stated(states)); err != nil {
		return fmt.Errorf("store %s: %w", Metric, err)
	}
	return nil
}

// stated makes samples of states.
type stated []camera

// Decode implements input.Decoder.
func (s stated) Decode(m *input.Message, out *reading.Builder) {
	out.Own()
	for _, c := range s {
		value := 1.0
		if c.Down {
			value = 0
		}
		sample(out, c.Asset, c.Labels, m.Received, value)
	}
}

// save writes the file, whole or not at all, if something has changed that a
// restart would not find out by itself.
func (p *Presence) save() {
	p.mu.Lock()
	if !p.changed || p.opts.File == "" {
		p.mu.Unlock()
		return
	}
	p.changed = false
	data, err := json.Marshal(p.sorted())
	p.mu.Unlock()
	if err == nil {
		err = replace(p.opts.File, data)
	}
	if err != nil {
		p.opts.Logger.Warn("the cameras are not remembered over a restart", "file", p.opts.File, "err", err)
	}
}

func replace(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("write cameras: %w", err)
	}
	next := path + ".next"
	if err := os.WriteFile(next, data, 0o640); err != nil {
		return fmt.Errorf("write cameras: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write cameras: %w", err)
	}
	return nil
}
