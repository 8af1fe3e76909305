package pager

import (
	"context"
	"errors"
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

// posts is the inbox for alerts that others post.
type posts struct {
	*inbox
	show func([]*notifier.Alert) []*notifier.Alert // nil: to nobody
}

// Put implements provider.Alerts.
func (p posts) Put(ctx context.Context, alerts ...*alert.Alert) error {
	if p.show == nil {
		return p.inbox.Put(ctx, alerts...)
	}
	var urgent, rest []*alert.Alert
	for _, a := range alerts {
		if a.Labels["severity"] == "critical" {
			urgent = append(urgent, a)
		} else {
			rest = append(rest, a)
		}
	}
	var errs []error
	for _, some := range [][]*alert.Alert{urgent, rest} {
		if len(some) > 0 {
			errs = append(errs, p.inbox.Put(ctx, p.shown(some)...))
		}
	}
	return errors.Join(errs...)
}

func (p posts) shown(alerts []*alert.Alert) []*alert.Alert {
	all := make([]*notifier.Alert, len(alerts))
	for i, a := range alerts {
		all[i] = &notifier.Alert{
			Labels: labelsOf(a.Labels), Annotations: labelsOf(a.Annotations),
			StartsAt: a.StartsAt, EndsAt: a.EndsAt, GeneratorURL: a.GeneratorURL,
		}
	}
	noted := make([]*alert.Alert, len(alerts))
	for i, from := range p.show(all) {
		c := *alerts[i]
		c.Annotations = labelSet(from.Annotations)
		noted[i] = &c
	}
	return noted
}

func labelsOf(set model.LabelSet) labels.Labels {
	b := labels.NewScratchBuilder(len(set))
	for name, value := range set {
		b.Add(string(name), string(value))
	}
	b.Sort()
	return b.Labels()
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
