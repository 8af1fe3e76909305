package pager

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/alerting/pager/failing"
	"github.com/belfry-city/belfry/alerting/pager/urgent"
)

// sender sends one notification. Pages are what is news in it. It reports whether it is worth trying again.
type sender func(ctx context.Context, pages []Page, alerts []*alert.Alert) (retry bool, err error)

// integration stands around each of a receiver's integrations: it counts and logs what goes out, keeps the order
// between notification log and notifications, and lets a stop wait for what is under way.
type integration struct {
	name     string // such as webhook[0]
	receiver string
	send     sender
	pager    *Pager
	attempts *inflight
	slots    chan struct{} // holds one for each attempt being made
}

// Notify implements notify.Notifier.
func (i *integration) Notify(ctx context.Context, alerts ...*alert.Alert) (bool, error) {
	if !i.attempts.enter() {
		<-ctx.Done() // a stop or a reload is about to end the context; upstream then says nothing
		return true, ctx.Err()
	}
	defer i.attempts.leave()
	if i.isAbout(alerts) {
		return false, nil // others tell of it
	}
	i.pager.syncNotifications(ctx)

	n := newsOf(ctx, i.receiver, alerts)
	retry, err := i.attempt(ctx, n.pages, alerts)
	if err != nil {
		i.pager.metrics.failed(i.receiver)
		return retry, err
	}
	n.told(ctx)
	i.pager.notified(ctx, i, n.pages)
	return false, nil
}

// isAbout reports whether a group is that this integration fails; it has one alert.
func (i *integration) isAbout(alerts []*alert.Alert) bool {
	if len(alerts) == 0 {
		return false
	}
	who, ok := failing.Of(func(name string) string { return string(alerts[0].Labels[model.LabelName(name)]) })
	return ok && who == i.subject()
}

func (i *integration) subject() failing.Subject {
	return failing.Subject{Receiver: i.receiver, Integration: i.name}
}

// attempt sends once.
func (i *integration) attempt(ctx context.Context, pages []Page, alerts []*alert.Alert) (retry bool, err error) {
	select {
	case i.slots <- struct{}{}:
		defer func() { <-i.slots }()
	case <-ctx.Done():
		return true, ctx.Err()
	}
	stamp(pages, time.Now())
	end, err := urgent.Attempt(ctx)
	if err != nil {
		return false, err
	}
	once, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	start := time.Now()
	retry, err = i.send(once, pages, alerts)
	if err != nil && (passes(err) || once.Err() != nil && ctx.Err() == nil) {
		retry = true // neither who hangs nor who has too much to do has said anything against the notification
	}
	if !errors.Is(ctx.Err(), context.Canceled) { // by a stop or a reload
		i.pager.failing.Attempted(i.subject(), start, err, retry)
	}
	return end(err) && retry, err
}

// passes reports whether a refusal is about the time, and not about the notification. Upstream gives up on some of these
// until the group's next flush.
func passes(err error) bool {
	e := new(notify.ErrorWithReason)
	if errors.As(err, &e) && e.Reason == notify.RateLimitedReason {
		return true
	}
	return regexp.MustCompile(`unexpected status code (408|425|429)\b`).MatchString(err.Error())
}

// notified tells everyone who wants to know that a receiver accepted.
func (p *Pager) notified(ctx context.Context, i *integration, pages []Page) {
	reason, _ := notify.NotificationReason(ctx)
	group, _ := notify.GroupKey(ctx)
	for k := range pages {
		p.metrics.page(&pages[k])
		p.logPage(ctx, i, &pages[k])
	}
	p.opts.OnNotify(Notification{
		Time: time.Now(), Receiver: i.receiver, Integration: i.name,
		GroupKey: group, Reason: reason.String(), Pages: pages,
	})
}

func (p *Pager) logPage(ctx context.Context, i *integration, page *Page) {
	level := slog.LevelInfo
	if page.Status == Firing && page.Severity == "critical" {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("status", page.Status), slog.String("severity", page.Severity), slog.String("rule", page.Rule),
		slog.String("summary", page.summary(p.opts.Language)), slog.String("domain", page.Domain),
		slog.String("asset", page.Asset), slog.String("street", page.Street), slog.String("team", page.Team),
	}
	if page.Value != nil {
		attrs = append(attrs, slog.Float64("value", *page.Value))
	}
	if page.Limit != nil {
		attrs = append(attrs, slog.Float64("limit", *page.Limit), slog.String("unit", page.Unit))
	}
	if page.timed() {
		attrs = append(attrs, slog.Float64("latency_ms", page.LatencyMS))
	}
	attrs = append(attrs, slog.Bool("repeat", page.Repeat), slog.String("hazard", page.Hazard), slog.String("hazard_url", page.HazardURL),
		slog.String("receiver", i.receiver), slog.String("integration", i.name))
	p.logger.LogAttrs(ctx, level, "page", attrs...)
}

// upstream sends by one of upstream's integrations; for these, a page goes out when the other side has answered.
func upstream(in *notify.Integration, s speech) sender {
	return func(ctx context.Context, pages []Page, alerts []*alert.Alert) (bool, error) {
		retry, err := in.Notify(ctx, s.translated(alerts)...)
		stamp(pages, time.Now())
		return retry, err
	}
}

// terminal hands pages to Options.Deliver.
func (p *Pager) terminal(ctx context.Context, pages []Page, _ []*alert.Alert) (bool, error) {
	if len(pages) == 0 {
		return false, nil
	}
	return true, p.opts.Deliver(ctx, pages)
}

// always says that resolved alerts are told too.
type always struct{}

// SendResolved implements notify.ResolvedSender.
func (always) SendResolved() bool { return true }
