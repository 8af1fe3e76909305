package pager

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/silence"

	"github.com/belfry-city/belfry/alerting/pager/journal"
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
	if p.silenceJournal, err = p.openJournal("silences", p.silences); err != nil {
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
	p.notificationJournal, err = p.openJournal("nflog", p.notifications)
	return err
}

func (p *Pager) openJournal(name string, state journal.State) (*journal.Journal, error) {
	p.metrics.stateHealth(name, nil)
	j, err := journal.Open(state, journal.Options{
		Dir: p.opts.DataDir, Name: name, Logger: p.opts.Logger.With("component", name),
		OnHealth: func(err error) { p.metrics.stateHealth(name, err) },
		Disk:     p.opts.disk,
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
