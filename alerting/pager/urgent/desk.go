package urgent

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"
)

// Options of a Desk; all are required.
type Options struct {
	// Root is the route below which alerts are urgent.
	Root *dispatch.Route
	// Stage is the pipeline.
	Stage notify.Stage
	// Templates render the labels of routes.
	Templates *template.Template
	// Get returns an alert as it is stored.
	Get func(model.Fingerprint) (*alert.Alert, error)
	// Settle returns when all alerts that were stored so far are known to whoever mutes alerts.
	Settle func(context.Context)
	// Timeout is how long a notification may take in a group with this group_interval.
	Timeout func(groupInterval time.Duration) time.Duration
	// Begin announces work in the background. If it is welcome, end must be called after it.
	Begin func() (end func(), welcome bool)
	// Due is told of an alert that is to be told to a receiver now, whatever becomes of the alert until then.
	Due    func(receiver string, a *alert.Alert)
	Logger *slog.Logger
}

// Desk is a stage around a pipeline. Its methods are safe for concurrent use.
type Desk struct {
	opts   Options
	routes map[string]*dispatch.Route // by id
	keys   map[*dispatch.Route]string // the part of group keys that is the route's
	ctx    context.Context            // ends with Close
	cancel func()

	mu     sync.Mutex
	groups map[string]*group // by group key and receiver
	swept  time.Time
}

// forgetAfter is how long an empty group is remembered: for longer than the dispatcher takes from the end of a flush
// to the end of the group.
const forgetAfter = time.Minute

// New makes a Desk.
func New(o Options) *Desk {
	d := &Desk{
		opts: o, routes: map[string]*dispatch.Route{}, keys: map[*dispatch.Route]string{},
		groups: map[string]*group{}, swept: time.Now(),
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	o.Root.Walk(func(r *dispatch.Route) {
		d.routes[r.ID()] = r
		d.keys[r] = r.Key()
	})
	return d
}

// Close ends what was announced by Begin, as soon as receivers return.
func (d *Desk) Close() { d.cancel() }

// Exec implements notify.Stage, for the dispatcher.
func (d *Desk) Exec(ctx context.Context, l *slog.Logger, alerts ...*alert.Alert) (context.Context, []*alert.Alert, error) {
	id, _ := notify.RouteID(ctx)
	route, ours := d.routes[id]
	if !ours {
		return d.opts.Stage.Exec(ctx, l, alerts...)
	}
	key, _ := notify.GroupKey(ctx)
	g := d.use(key, route)
	defer d.leave(g)
	d.opts.Settle(ctx)
	return ctx, alerts, g.flush(ctx, alerts)
}

// Stored tells of an alert that has been stored; the store may be locked meanwhile. An alert that joins a group goes
// out with the dispatcher's flush if that comes first.
func (d *Desk) Stored(a *alert.Alert) {
	for _, route := range d.opts.Root.Match(a.Labels) {
		g := d.use(d.keys[route]+":"+groupLabels(a, route).String(), route)
		g.stored(a)
		d.leave(g)
	}
}

// groupLabels are the dispatcher's.
func groupLabels(a *alert.Alert, route *dispatch.Route) model.LabelSet {
	set := model.LabelSet{}
	for name, value := range a.Labels {
		if _, ok := route.RouteOpts.GroupBy[name]; ok || route.RouteOpts.GroupByAll {
			set[name] = value
		}
	}
	return set
}

// use returns a group, and keeps it from being forgotten until leave.
func (d *Desk) use(groupKey string, route *dispatch.Route) *group {
	key := groupKey + "\xff" + route.RouteOpts.Receiver
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.groups[key]
	if g == nil {
		g = newGroup(d, route)
		d.groups[key] = g
	}
	g.users.Add(1)
	return g
}

func (d *Desk) leave(g *group) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	g.users.Add(-1)
	if now.Sub(d.swept) < forgetAfter {
		return
	}
	d.swept = now
	for key, g := range d.groups {
		if g.users.Load() == 0 && g.emptyFor(now) > forgetAfter {
			delete(d.groups, key)
		}
	}
}
