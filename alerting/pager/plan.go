package pager

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/config/receiver"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/alertmanager/timeinterval"
	commoncfg "github.com/prometheus/common/config"

	"github.com/belfry-city/belfry/alerting/pager/failing"
)

// plan is a configuration that has been read and found good: all that can fail has been done, and nothing runs.
type plan struct {
	conf      *config.Config
	shown     string // what the API shows of it
	routes    *dispatch.Route
	urgent    *dispatch.Route // that of critical alerts
	templates *template.Template
	intervals map[string][]timeinterval.TimeInterval
	receivers map[string][]*receiverIntegration
	dialer    *dialer
}

// receiverIntegration is one of upstream's integrations, or, where that is nil, the terminal.
type receiverIntegration struct {
	upstream *notify.Integration
}

// makePlan reads a configuration file, "" for the embedded one, and everything that it names.
func makePlan(path string, external *url.URL, speech speech, logger *slog.Logger) (*plan, error) {
	conf, text, err := loadConfig(path)
	if err != nil {
		return nil, err
	}
	p := &plan{conf: conf, shown: asWritten(conf, text), dialer: newDialer(), receivers: map[string][]*receiverIntegration{}}
	if p.templates, err = speech.readTemplates(conf.Templates); err != nil {
		return nil, locateTemplate(conf.Templates, err)
	}
	p.templates.ExternalURL = external
	if err := p.buildReceivers(path, logger); err != nil {
		return nil, err
	}
	tree, err := routing(conf.Route, p.reachable())
	if err != nil {
		return nil, err
	}
	p.routes = dispatch.NewRoute(tree, nil)
	p.urgent = p.routes.Routes[ownRoutes-1]
	p.intervals = make(map[string][]timeinterval.TimeInterval)
	for _, ti := range conf.MuteTimeIntervals {
		p.intervals[ti.Name] = ti.TimeIntervals
	}
	for _, ti := range conf.TimeIntervals {
		p.intervals[ti.Name] = ti.TimeIntervals
	}
	return p, nil
}

// buildReceivers builds the receivers that routes use, as upstream does: the others may be half configured.
func (p *plan) buildReceivers(path string, logger *slog.Logger) error {
	used := map[string]bool{}
	dispatch.NewRoute(p.conf.Route, nil).Walk(func(r *dispatch.Route) { used[r.RouteOpts.Receiver] = true })
	for _, rc := range p.conf.Receivers {
		if !used[rc.Name] {
			logger.Info("receiver is used by no route", "receiver", rc.Name)
			continue
		}
		built, err := receiver.BuildReceiverIntegrations(rc, p.templates, logger, commoncfg.WithDialContextFunc(p.dialer.dial))
		if err != nil {
			return fmt.Errorf("%s: receiver %q: %w", path, rc.Name, err)
		}
		integrations := make([]*receiverIntegration, 0, len(built)+1)
		for i := range built {
			integrations = append(integrations, &receiverIntegration{upstream: &built[i]})
		}
		if rc.Name == TerminalReceiver {
			integrations = append(integrations, &receiverIntegration{})
		}
		p.receivers[rc.Name] = integrations
	}
	return nil
}

// reachable names the receivers by which somebody is told.
func (p *plan) reachable() (names []string) {
	for name, integrations := range p.receivers {
		if len(integrations) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// subjects are those whose failing is watched.
func (p *plan) subjects() map[failing.Subject]bool {
	all := map[failing.Subject]bool{}
	for name, integrations := range p.receivers {
		for _, in := range integrations {
			all[failing.Subject{Receiver: name, Integration: in.String()}] = true
		}
	}
	return all
}

// String is such as webhook[0].
func (in *receiverIntegration) String() string {
	if in.upstream == nil {
		return "terminal[0]"
	}
	return in.upstream.String()
}

// remark logs what is legal in a configuration and yet surprising.
func (p *plan) remark(logger *slog.Logger) {
	if p.conf.TracingConfig.Endpoint != "" {
		logger.Warn("the section tracing of the pager's configuration is not followed")
	}
	if e := p.conf.EventRecorder; len(e.FileOutputs)+len(e.WebhookOutputs)+len(e.KafkaOutputs) > 0 {
		logger.Warn("the section event_recorder of the pager's configuration is not followed")
	}
	dispatch.NewRoute(p.conf.Route, nil).Walk(func(r *dispatch.Route) {
		if o := r.RouteOpts; o.RepeatInterval > retention {
			logger.Warn("repeat_interval is longer than notifications are remembered, so pages may be repeated sooner",
				"repeat_interval", o.RepeatInterval, "remembered", retention, "route", r.Key())
		} else if o.RepeatInterval < o.GroupInterval {
			logger.Warn("repeat_interval is shorter than group_interval, so pages are repeated at the next group_interval",
				"repeat_interval", o.RepeatInterval, "group_interval", o.GroupInterval, "route", r.Key())
		}
	})
}

// dialer remembers the connections of a configuration's receivers, so that none outlives it.
type dialer struct {
	net.Dialer
	mu     sync.Mutex
	open   map[*conn]struct{}
	closed bool
}

type conn struct {
	net.Conn
	dialer *dialer
}

func newDialer() *dialer {
	return &dialer{Dialer: net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}, open: map[*conn]struct{}{}}
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	raw, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, dialer: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		_ = raw.Close()
		return nil, net.ErrClosed
	}
	d.open[c] = struct{}{}
	return c, nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.dialer.mu.Lock()
	delete(c.dialer.open, c)
	c.dialer.mu.Unlock()
	return c.Conn.Close()
}

func (d *dialer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for c := range d.open {
		_ = c.Conn.Close()
	}
}
