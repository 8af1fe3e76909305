package pager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/notify"

	"github.com/belfry-city/belfry/alerting/pager/urgent"
)

// generation is one configuration at work: the part of a Pager that a reload replaces.
type generation struct {
	plan       *plan
	inhibitor  *inhibit.Inhibitor
	dispatcher *dispatch.Dispatcher
	desk       *urgent.Desk
	attempts   inflight // notifications being sent
	runs       inflight // groups on their way through the pipeline
}

// newGeneration builds what a plan describes; nothing runs yet.
func (p *Pager) newGeneration(pl *plan) *generation {
	g := &generation{plan: pl}
	feed := newInhibitorFeed(p.alerts)
	g.inhibitor = inhibit.NewInhibitor(feed, pl.conf.InhibitRules, p.opts.Logger, eventrecorder.NopRecorder())
	// A notification may take as long as until the group's next flush, and ten seconds at least.
	timeout := func(d time.Duration) time.Duration { return max(d, notify.MinTimeout) }
	g.desk = urgent.New(urgent.Options{
		Root: pl.urgent, Stage: p.pipeline(g), Templates: pl.templates, Get: p.alerts.Get, Settle: feed.settle,
		Timeout: timeout, Begin: g.runs.begin, Due: p.owed.Due, Logger: p.opts.Logger.With("component", "dispatcher"),
	})
	g.dispatcher = dispatch.NewDispatcher(p.alerts, pl.routes, g.desk, p.groups, timeout, groupMaintenance, nil,
		p.opts.Logger, eventrecorder.NopRecorder(), p.dispatching, pl.templates)
	return g
}

// wrap puts an integration into ours.
func (p *Pager) wrap(g *generation, receiver string, in *receiverIntegration) notify.Integration {
	own := &integration{
		name: in.String(), receiver: receiver, send: p.terminal, pager: p, attempts: &g.attempts,
		slots: make(chan struct{}, maxAttempts),
	}
	if in.upstream == nil {
		return notify.NewIntegration(own, always{}, "terminal", 0, receiver)
	}
	own.send = upstream(in.upstream, p.opts.speech())
	return notify.NewIntegration(own, in.upstream, in.upstream.Name(), in.upstream.Index(), receiver)
}

// replace lets g take over from old, which may be nil. The inhibitor is filled first, so that nothing goes out that
// is inhibited, and the old dispatcher is stopped before the new one starts, so that nothing goes out twice.
func (p *Pager) replace(ctx context.Context, old, g *generation) error {
	go g.inhibitor.Run()
	g.inhibitor.WaitForLoading()
	var err error
	if old != nil {
		err = old.halt(ctx)
	}
	p.recall(g.plan)
	p.alerts.live.Store(g) // before the dispatcher looks at what there is, so that no alert is unknown to both
	go g.dispatcher.Run(time.Now())
	g.dispatcher.WaitForLoading()
	p.live.Store(g)
	p.serve(g.plan)
	p.failing.Keep(g.plan.subjects())
	if old != nil {
		old.inhibitor.Stop()
		old.plan.dialer.close()
	}
	return err
}

// halt stops the dispatcher, after the notifications being sent have been answered or the time for it is up.
func (g *generation) halt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	err := g.attempts.drain(ctx)
	g.dispatcher.Stop()
	g.desk.Close()
	// What was cancelled comes back soon; only receivers that ignore their context do not.
	if rerr := g.runs.drain(ctx); rerr != nil {
		err = errors.Join(err, rerr)
	}
	if err != nil {
		return fmt.Errorf("wait for notifications under way: %w", err)
	}
	return nil
}

// stop ends everything.
func (g *generation) stop(ctx context.Context) error {
	err := g.halt(ctx)
	g.inhibitor.Stop()
	g.plan.dialer.close()
	return err
}
