package pager

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/belfry-city/belfry/alerting/pager/owed"
)

// pipeline is upstream's, with ours around what each integration is told.
func (p *Pager) pipeline(g *generation) notify.Stage {
	intervals := timeinterval.NewIntervener(g.plan.intervals)
	muted := notify.MultiStage{
		notify.NewMuteStage(g.inhibitor, p.notifying),
		notify.NewTimeActiveStage(intervals, p.groups, p.notifying),
		notify.NewTimeMuteStage(intervals, p.groups, p.notifying),
		notify.NewMuteStage(p.silencer, p.notifying),
	}
	receivers := map[string][]notify.Integration{unaddressed: {}}
	stages := notify.RoutingStage{unaddressed: muted}
	for name, integrations := range g.plan.receivers {
		all := notify.FanoutStage{}
		for _, in := range integrations {
			made := p.wrap(g, name, in)
			receivers[name] = append(receivers[name], made)
			all = append(all, p.newDelivery(name, made))
		}
		stages[name] = append(muted[:len(muted):len(muted)], all)
	}
	p.notifying.InitializeFor(receivers)
	return notify.StageFunc(func(ctx context.Context, l *slog.Logger, alerts ...*alert.Alert) (context.Context, []*alert.Alert, error) {
		if !g.runs.enter() {
			return ctx, nil, context.Canceled
		}
		defer g.runs.leave()
		began := time.Now()
		to, _ := notify.ReceiverName(ctx)
		_, _, err := stages.Exec(ctx, l, alerts...)
		p.owed.Passed(to, began, err == nil, alerts...)
		return ctx, alerts, err
	})
}

// newDelivery makes the stage of one integration.
func (p *Pager) newDelivery(receiver string, in notify.Integration) *delivery {
	log := &notificationLog{p}
	recv := &nflogpb.Receiver{GroupName: receiver, Integration: in.Name(), Idx: uint32(in.Index())}
	return &delivery{
		to: owed.To{Receiver: receiver, Integration: in.String()}, pager: p, receiver: recv, resolved: &in, busy: map[string]chan struct{}{},
		retry: notify.NewRetryStage(in, receiver, p.notifying, eventrecorder.NopRecorder()),
		log:   notify.NewSetNotifiesStage(log, recv),
	}
}
