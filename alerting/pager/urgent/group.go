package urgent

import (
	"context"
	"errors"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"
)

const (
	// pause follows a notification out of turn, once for each alert that was news in it: one alert now and then does
	// not wait, and a thousand in a second make few notifications.
	pause    = 50 * time.Millisecond
	maxPause = time.Second
)

// group is what a Desk knows of a group of the dispatcher.
type group struct {
	desk  *Desk
	route *dispatch.Route
	users atomic.Int32 // it is not forgotten while there are any; raised from 0 only under Desk.mu

	mu      sync.Mutex
	members map[model.Fingerprint]*alert.Alert // what the dispatcher has in the group, or is about to have
	waiting map[model.Fingerprint]struct{}     // of the members, those that joined since the last run began
	context context.Context                    // of the dispatcher's last flush, without its end; nil before the first
	emptied time.Time                          // when there was no member left
	next    time.Time                          // of a run out of turn, at the earliest
	busy    bool                               // catchUp is called until nobody waits
	running map[*run]struct{}
	freed   chan struct{} // closed, and replaced, when a run ends
}

func newGroup(d *Desk, route *dispatch.Route) *group {
	return &group{
		desk: d, route: route, emptied: time.Now(),
		members: map[model.Fingerprint]*alert.Alert{}, waiting: map[model.Fingerprint]struct{}{},
		running: map[*run]struct{}{}, freed: make(chan struct{}),
	}
}

// emptyFor is how long the group has had no members.
func (g *group) emptyFor(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.members) > 0 {
		return 0
	}
	return now.Sub(g.emptied)
}

// stored takes note of an alert.
func (g *group) stored(a *alert.Alert) {
	now := time.Now()
	id := a.Fingerprint()
	g.mu.Lock()
	defer g.mu.Unlock()
	before, wasEmpty := g.members[id], len(g.members) == 0
	g.members[id] = a
	prompt := g.context != nil || g.route.RouteOpts.GroupWait == 0
	if a.ResolvedAt(now) {
		if !prompt {
			delete(g.waiting, id)
		}
		return
	}
	if before != nil && !before.ResolvedAt(now) {
		return // sent again to say that it fires still
	}
	g.waiting[id] = struct{}{}
	if prompt {
		g.desk.opts.Due(g.route.RouteOpts.Receiver, a)
	}
	if wasEmpty {
		// The dispatcher makes the group anew and waits for group_wait, unless it has not ended the old one yet.
		if by := now.Add(g.route.RouteOpts.GroupWait); by.After(g.next) {
			g.next = by
		}
	}
	g.hurry()
}

// hurry sees to it that catchUp runs if it is needed; g.mu is held by the caller, who uses the group.
func (g *group) hurry() {
	if g.context == nil || len(g.waiting) == 0 {
		return
	}
	if g.busy {
		for r := range g.running {
			r.giveWay()
		}
		return
	}
	end, welcome := g.desk.opts.Begin()
	if !welcome {
		return
	}
	g.busy = true
	g.users.Add(1)
	go func() {
		defer end()
		defer g.desk.leave(g)
		for g.due() {
			g.catchUp()
		}
	}()
}

// due waits until the next run out of turn may begin; false means that there is none to come.
func (g *group) due() bool {
	g.mu.Lock()
	if len(g.waiting) == 0 || g.desk.ctx.Err() != nil {
		g.busy = false
		g.mu.Unlock()
		return false
	}
	timer := time.NewTimer(time.Until(g.next))
	g.mu.Unlock()
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-g.desk.ctx.Done():
	}
	return true
}

// catchUp begins to notify out of turn.
func (g *group) catchUp() {
	g.desk.opts.Settle(g.desk.ctx)
	g.mu.Lock()
	base := g.context
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(base, g.desk.opts.Timeout(g.route.RouteOpts.GroupInterval))
	stop := context.AfterFunc(g.desk.ctx, cancel)
	finish := func() { stop(); cancel() }
	r, err := g.enter(ctx, true)
	if err != nil {
		finish()
		return
	}
	end, welcome := g.desk.opts.Begin()
	if !welcome {
		g.free(r)
		finish()
		return
	}
	alerts, joined := g.take()
	g.mu.Lock()
	g.next = time.Now().Add(min(time.Duration(joined)*pause, maxPause))
	g.mu.Unlock()
	g.users.Add(1)
	go func() {
		defer end()
		defer g.desk.leave(g)
		defer finish()
		defer g.free(r)
		g.notify(ctx, r, alerts)
	}()
}

// notify runs the pipeline out of turn.
func (g *group) notify(ctx context.Context, r *run, alerts []*alert.Alert) {
	err := g.exec(notify.WithNow(r.context(ctx), time.Now()), alerts)
	l := g.desk.opts.Logger.With("receiver", g.route.RouteOpts.Receiver, "num_alerts", len(alerts), "err", err)
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled), errors.Is(ctx.Err(), context.Canceled), errors.Is(err, ErrGaveWay), r.gaveWay():
		l.Debug("Notify for critical alerts failed")
	default:
		l.Error("Notify for critical alerts failed")
	}
}

// flush is the dispatcher's turn.
func (g *group) flush(ctx context.Context, alerts []*alert.Alert) error {
	r, err := g.enter(ctx, false)
	if err != nil {
		return err
	}
	g.learn(alerts)
	g.mu.Lock()
	g.context = context.WithoutCancel(ctx)
	g.mu.Unlock()
	// The dispatcher puts alerts into groups from several goroutines, and may hold an older one than was stored last.
	all, _ := g.take()
	if err = g.exec(r.context(ctx), all); err == nil {
		g.forget(alerts)
	}
	g.free(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hurry() // for those who joined meanwhile
	return err
}

// take returns all members, and how many of them were waiting.
func (g *group) take() (all alert.AlertSlice, joined int) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	joined = len(g.waiting)
	clear(g.waiting)
	for _, a := range g.members {
		all = append(all, snapshot(a, now))
	}
	sort.Sort(all)
	return all, joined
}

// exec runs the pipeline, with the labels of the route rendered for these alerts.
func (g *group) exec(ctx context.Context, alerts []*alert.Alert) error {
	o := g.route.RouteOpts
	if len(o.Labels) > 0 {
		labels, _ := notify.GroupLabels(ctx)
		set := model.LabelSet{}
		render := g.desk.opts.Templates.RouteLabelRenderer(
			g.desk.opts.Templates.Data(o.Receiver, labels, o.Labels, notify.ReasonUnknown.String(), alerts...))
		for name := range o.Labels {
			value, err := render(string(name))
			if err != nil {
				g.desk.opts.Logger.Error("failed to render route label", "label", name, "err", err)
				continue
			}
			set[name] = model.LabelValue(value)
		}
		ctx = notify.WithRouteLabels(ctx, set)
	}
	_, _, err := g.desk.opts.Stage.Exec(ctx, g.desk.opts.Logger, alerts...)
	return err
}

// snapshot is an alert as the dispatcher hands it on: while notifications are under way, none resolves by the clock.
func snapshot(a *alert.Alert, now time.Time) *alert.Alert {
	c := *a
	if !c.ResolvedAt(now) {
		c.EndsAt = time.Time{}
	}
	return &c
}

// learn adds the dispatcher's alerts to the members, as they are stored.
func (g *group) learn(alerts []*alert.Alert) {
	g.mu.Lock()
	var unknown []*alert.Alert
	for _, a := range alerts {
		if g.members[a.Fingerprint()] == nil {
			unknown = append(unknown, a)
		}
	}
	g.mu.Unlock()
	for _, a := range unknown {
		id := a.Fingerprint()
		// Without g.mu: who stores has the store locked when he tells of it.
		if kept, err := g.desk.opts.Get(id); err == nil {
			a = kept
		}
		g.mu.Lock()
		if g.members[id] == nil {
			g.members[id] = a
		}
		g.mu.Unlock()
	}
}

// forget drops the resolved alerts that the dispatcher drops after a flush that went well.
func (g *group) forget(alerts []*alert.Alert) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range alerts {
		id := a.Fingerprint()
		if m := g.members[id]; a.Resolved() && m != nil && !m.UpdatedAt.After(a.UpdatedAt) {
			delete(g.members, id)
		}
	}
	if len(g.members) == 0 {
		g.emptied = time.Now()
	}
}
