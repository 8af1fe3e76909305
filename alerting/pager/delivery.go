package pager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/alerting/pager/owed"
	"github.com/belfry-city/belfry/alerting/pager/urgent"
)

// delivery tells one integration of a group what it does not know: that alerts fire, also those that have ended since
// that was due, and that they have ended, once.
type delivery struct {
	to       owed.To
	pager    *Pager
	receiver *nflogpb.Receiver
	resolved notify.ResolvedSender
	// Of upstream's pipeline: try until it is told, and keep that it was.
	retry, log notify.Stage

	mu   sync.Mutex
	busy map[string]chan struct{} // by group of which a notification is under way; closed when it is over
}

// Exec implements notify.Stage.
func (d *delivery) Exec(ctx context.Context, l *slog.Logger, alerts ...*alert.Alert) (context.Context, []*alert.Alert, error) {
	ctx, end := urgent.Part(ctx)
	defer end()
	over, err := d.turn(ctx)
	if err != nil {
		return ctx, nil, errors.Join(err, d.leave(ctx, alerts))
	}
	defer over()
	if all, some := d.withLate(alerts); some {
		// First that they fired: who was not told of an alert makes nothing of its end.
		if err := d.tell(ctx, l, all); err != nil {
			return ctx, nil, err
		}
	}
	return ctx, alerts, d.tell(ctx, l, alerts)
}

// turn waits until no other notification of the group is under way to the integration: none is to overtake another.
func (d *delivery) turn(ctx context.Context) (over func(), err error) {
	group, _ := notify.GroupKey(ctx)
	for {
		select {
		case <-urgent.Followed(ctx):
			return nil, urgent.ErrGaveWay
		default:
		}
		d.mu.Lock()
		other, taken := d.busy[group]
		if !taken {
			ours := make(chan struct{})
			d.busy[group] = ours
			d.mu.Unlock()
			return func() {
				d.mu.Lock()
				defer d.mu.Unlock()
				delete(d.busy, group)
				close(ours)
			}, nil
		}
		d.mu.Unlock()
		select {
		case <-other:
		case <-urgent.Followed(ctx):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// leave has alerts told with another notification.
func (d *delivery) leave(ctx context.Context, alerts []*alert.Alert) error {
	entry, err := d.last(ctx)
	if err != nil {
		return err
	}
	known := knownFiring(ctx, entry)
	var left []*alert.Alert
	for _, a := range alerts {
		if !known[a.Fingerprint().String()] && (!a.Resolved() || d.pager.owed.Owed(d.to, a)) {
			left = append(left, a)
		}
	}
	d.pager.owed.Owe(d.to, left...)
	return nil
}

// withLate returns the alerts with those as firing that have ended before they could be told.
func (d *delivery) withLate(alerts []*alert.Alert) (all []*alert.Alert, some bool) {
	for i, a := range alerts {
		if !a.Resolved() || !d.pager.owed.Owed(d.to, a) {
			continue
		}
		if !some {
			some, all = true, append(all, alerts...)
		}
		all[i] = d.pager.opts.speech().late(a)
	}
	return all, some
}

func (d *delivery) tell(ctx context.Context, l *slog.Logger, alerts []*alert.Alert) error {
	entry, err := d.last(ctx)
	if err != nil {
		return err
	}
	if alerts = withoutUnknownEnds(ctx, entry, alerts); len(alerts) == 0 {
		return nil
	}
	ctx, alerts, err = notify.NewDedupStage(d.resolved, one{entry}, d.receiver).Exec(ctx, l, alerts...)
	if err != nil || len(alerts) == 0 {
		return err
	}
	if ctx, err = d.withUnheard(ctx, entry, alerts); err != nil {
		return err
	}
	if ctx, err = d.send(ctx, l, alerts); err != nil {
		return err
	}
	_, _, err = d.log.Exec(ctx, l, alerts...)
	return err
}

// send tries until the integration accepts.
func (d *delivery) send(ctx context.Context, l *slog.Logger, alerts []*alert.Alert) (context.Context, error) {
	known := toldFiring(ctx)
	var firing, begun []*alert.Alert
	for _, a := range alerts {
		if a.Resolved() {
			continue
		}
		firing = append(firing, a)
		if !known[a.Fingerprint().String()] {
			begun = append(begun, a)
		}
	}
	d.pager.owed.Owe(d.to, begun...)
	ctx, _, err := d.retry.Exec(ctx, l, alerts...)
	if err == nil {
		d.pager.owed.Told(d.to, firing...)
	}
	return ctx, err
}

// withoutUnknownEnds leaves out the alerts that have ended of which the integration does not know that they fire: it
// was told of their end, or never of them. The dispatcher comes with them until its next flush, and after a reload or
// a restart again.
func withoutUnknownEnds(ctx context.Context, entry *nflogpb.Entry, alerts []*alert.Alert) []*alert.Alert {
	known := knownFiring(ctx, entry)
	return slices.DeleteFunc(slices.Clone(alerts), func(a *alert.Alert) bool {
		return a.Resolved() && !known[a.Fingerprint().String()]
	})
}

// knownFiring returns the fingerprints of the alerts that an integration knows to be firing, by its newest entry.
func knownFiring(ctx context.Context, entry *nflogpb.Entry) map[string]bool {
	if len(entry.GetFiringAlerts()) == 0 {
		return map[string]bool{} // an entry that all has ended may still have names
	}
	return toldFiring(notify.WithNflogStore(ctx, nflog.NewStore(entry)))
}

// errUnheard keeps a group's alerts with the dispatcher.
var errUnheard = errors.New("the end of alerts is told when it is known, so soon after the start, what else fires in the group")

type unheardKey struct{}

// withUnheard has the notification log keep, for a while after a start, that the integration has been told of alerts
// that nobody has sent since: else they would be news when they come.
func (d *delivery) withUnheard(ctx context.Context, entry *nflogpb.Entry, alerts []*alert.Alert) (context.Context, error) {
	if len(entry.GetFiringAlerts()) == 0 || !time.Now().Before(d.pager.heard) {
		return ctx, nil
	}
	firing, _ := notify.FiringAlerts(ctx)
	resolved, _ := notify.ResolvedAlerts(ctx)
	heard := setOf(append(slices.Clone(firing), resolved...))
	unheard := slices.DeleteFunc(slices.Clone(entry.FiringAlerts), func(hash uint64) bool { return heard[hash] })
	switch {
	case len(unheard) == 0:
		return ctx, nil
	case len(firing) == 0:
		return ctx, errUnheard // it would be told that nothing fires any more
	}
	names := toldFiring(ctx)
	for _, a := range alerts {
		delete(names, a.Fingerprint().String())
	}
	ctx = context.WithValue(ctx, unheardKey{}, slices.Sorted(maps.Keys(names)))
	return notify.WithFiringAlerts(ctx, append(unheard, firing...)), nil
}

func setOf(hashes []uint64) map[uint64]bool {
	set := make(map[uint64]bool, len(hashes))
	for _, hash := range hashes {
		set[hash] = true
	}
	return set
}

// last is the newest entry about the group and the integration in the notification log; nil if there is none.
func (d *delivery) last(ctx context.Context) (*nflogpb.Entry, error) {
	group, ok := notify.GroupKey(ctx)
	if !ok {
		return nil, errors.New("the context of a notification has no group")
	}
	entries, err := d.pager.notifications.Query(nflog.QGroupKey(group), nflog.QReceiver(d.receiver))
	if errors.Is(err, nflog.ErrNotFound) || err == nil && len(entries) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return entries[0], nil
}

// one is a notification log with one entry, or none.
type one struct{ entry *nflogpb.Entry }

// Query implements notify.NotificationLog.
func (o one) Query(...nflog.QueryParam) ([]*nflogpb.Entry, error) {
	if o.entry == nil {
		return nil, nflog.ErrNotFound
	}
	return []*nflogpb.Entry{o.entry}, nil
}

// Log implements notify.NotificationLog.
func (one) Log(*nflogpb.Receiver, string, []uint64, []uint64, *nflog.Store, time.Duration) error {
	return errors.ErrUnsupported
}

// late is an alert that has ended, as it is told to who was not told that it fires: it says of itself that it has ended.
func (s speech) late(a *alert.Alert) *alert.Alert {
	c := *a
	c.EndsAt = time.Time{}
	c.Annotations = a.Annotations.Clone()
	if c.Annotations == nil {
		c.Annotations = model.LabelSet{}
	}
	c.Annotations["ended_at"] = model.LabelValue(a.EndsAt.UTC().Format(time.RFC3339))
	if c.Annotations["summary"] == "" && c.Annotations["summary_zh"] == "" {
		c.Annotations["summary"] = a.Labels[model.AlertNameLabel]
	}
	for name, language := range map[model.LabelName]string{"summary": English, "summary_zh": Chinese} {
		if c.Annotations[name] != "" {
			words := phrasesOf(language)
			c.Annotations[name] += model.LabelValue(words.open + fmt.Sprintf(words.late, a.EndsAt.In(s.zone).Format(time.DateTime)) + words.close)
		}
	}
	return &c
}
