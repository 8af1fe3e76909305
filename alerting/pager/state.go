package pager

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/alerting/pager/failing"
	"github.com/belfry-city/belfry/alerting/pager/journal"
	"github.com/belfry-city/belfry/alerting/pager/owed"
)

// openState makes silences and notification log and fills them with what is on disk.
func (p *Pager) openState() error {
	var err error
	p.silences, err = silence.New(silence.Options{
		Retention:     retention,
		Logger:        p.opts.Logger.With("component", "silences"),
		Metrics:       p.registry,
		EventRecorder: eventrecorder.NopRecorder(),
	})
	if err != nil {
		return fmt.Errorf("make silences: %w", err)
	}
	if p.silenceJournal, err = p.openJournal("silences", p.silences, false); err != nil {
		return err
	}
	p.notifications, err = nflog.New(nflog.Options{
		Retention: retention,
		Logger:    p.opts.Logger.With("component", "nflog"),
		Metrics:   p.registry,
	})
	if err != nil {
		return fmt.Errorf("make notification log: %w", err)
	}
	if p.notificationJournal, err = p.openJournal("nflog", p.notifications, false); err != nil {
		return err
	}
	p.owed = owed.New()
	_, err = p.openJournal("owed", p.owed, true) // no page waits for the disk to say that it is about to leave
	return err
}

func (p *Pager) openJournal(name string, state journal.State, syncLater bool) (*journal.Journal, error) {
	p.metrics.stateHealth(name, nil)
	j, err := journal.Open(state, journal.Options{
		Dir: p.opts.DataDir, Name: name, Logger: p.opts.Logger.With("component", name),
		OnHealth: func(err error) { p.metrics.stateHealth(name, err) },
		Disk:     p.opts.disk, SyncLater: syncLater,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	p.onStop(name, j.Close)
	return j, nil
}

// syncNotifications returns when the entries of notifications sent so far are on disk. A disk that is full or stuck
// holds no page back for longer than diskTime.
func (p *Pager) syncNotifications(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, diskTime)
	defer cancel()
	if err := p.notificationJournal.Sync(ctx); err != nil {
		p.metrics.unwritten()
		p.logger.Warn("a notification leaves before the log entry of an earlier one is on disk", "err", err)
	}
}

// notificationLog is upstream's log whose entries are on disk when Log returns, so that a group's next notification
// waits for the entry of the one before.
type notificationLog struct{ pager *Pager }

// Log implements notify.NotificationLog.
func (l *notificationLog) Log(r *nflogpb.Receiver, group string, firing, resolved []uint64, store *nflog.Store, expiry time.Duration) error {
	if err := l.pager.notifications.Log(r, group, firing, resolved, store, expiry); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), diskTime)
	defer cancel()
	if err := l.pager.notificationJournal.Sync(ctx); err != nil {
		// The notification is out. To fail here would send it again.
		l.pager.metrics.unwritten()
		l.pager.logger.Error("log entry of a notification is not on disk; after a crash it would be sent again",
			"receiver", r.GroupName, "group", group, "err", err)
	}
	return nil
}

// Query implements notify.NotificationLog.
func (l *notificationLog) Query(params ...nflog.QueryParam) ([]*nflogpb.Entry, error) {
	return l.pager.notifications.Query(params...)
}

// heardWithin is how soon after a start whoever sends alerts has sent those that fire.
const heardWithin = 5 * time.Minute

// recall has alerts that somebody is still to be told of routed, also where nobody sends them any more.
func (p *Pager) recall(pl *plan) {
	subjects, known := pl.subjects(), map[string]bool{}
	for s := range subjects {
		known[s.Receiver] = true
	}
	p.owed.Move(func(to owed.To) bool {
		return to.Integration == "" && known[to.Receiver] || subjects[failing.Subject(to)]
	}, func(labels model.LabelSet) (names []string) {
		for _, route := range pl.routes.Match(labels) {
			names = append(names, route.RouteOpts.Receiver)
		}
		return names
	})
	_, _ = p.owed.GC() // never fails
	restarted := p.live.Load() == nil
	var unknown []*alert.Alert
	for _, a := range p.owed.Alerts() {
		if _, err := p.alerts.Get(a.Fingerprint()); err == nil {
			continue
		}
		if restarted && a.EndsAt.After(a.UpdatedAt) {
			// It fired when Belfry stopped. Whoever knows more will say so.
			c := *a
			c.EndsAt = time.Now().Add(heardWithin)
			a = &c
		}
		unknown = append(unknown, a)
	}
	_ = p.alerts.Put(context.Background(), unknown...) // as in Send
}
