package pager

import (
	"context"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
)

// Send takes alerts from a rule evaluator, as POST /api/v2/alerts does from others. It waits for no network and no
// disk. Alerts sent before Start are routed at Start; after Stop they are dropped.
func (p *Pager) Send(alerts ...*notifier.Alert) {
	if p.stopping.Load() {
		return
	}
	now := time.Now()
	timeout := time.Duration(p.resolveTimeout.Load())
	good := make([]*alert.Alert, 0, len(alerts))
	firing := 0
	for _, from := range alerts {
		a := ingest(from, now, timeout)
		if err := a.Validate(); err != nil {
			p.metrics.refused()
			p.logger.Error("alert refused", "alert", from.Name(), "err", err)
			continue
		}
		if !a.ResolvedAt(now) {
			firing++
		}
		good = append(good, a)
	}
	p.metrics.received(Firing, firing)
	p.metrics.received(Resolved, len(good)-firing)
	// Errors are logged by upstream alert by alert; none comes back.
	_ = p.alerts.Put(context.Background(), good...)
}

// ingest makes upstream's alert, with the times that its API fills in: an alert without an end is resolved when it
// has not been sent again for resolve_timeout.
func ingest(from *notifier.Alert, now time.Time, resolveTimeout time.Duration) *alert.Alert {
	a := &alert.Alert{
		Alert: model.Alert{
			Labels: labelSet(from.Labels), Annotations: labelSet(from.Annotations),
			StartsAt: from.StartsAt, EndsAt: from.EndsAt, GeneratorURL: from.GeneratorURL,
		},
		UpdatedAt: now,
	}
	if a.StartsAt.IsZero() {
		a.StartsAt = now
		if !a.EndsAt.IsZero() {
			a.StartsAt = a.EndsAt
		}
	}
	if a.EndsAt.IsZero() {
		a.Timeout = true
		a.EndsAt = now.Add(resolveTimeout)
	}
	return a
}

func labelSet(ls labels.Labels) model.LabelSet {
	set := make(model.LabelSet, ls.Len())
	ls.Range(func(l labels.Label) {
		if l.Value != "" {
			set[model.LabelName(l.Name)] = model.LabelValue(l.Value)
		}
	})
	return set
}
