package external

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"

	"github.com/belfry-city/belfry/alerting/pager/failing"
	"github.com/belfry-city/belfry/alerting/pager/language"
)

// Options of a Fleet. Targets, Logger and Metrics are required.
type Options struct {
	Targets []Target
	Logger  *slog.Logger
	Metrics *metrics.Set
	// Language is "en" or "zh-CN": that of summary and description. "" means "en".
	Language string
	// Failing are the alerts about Alertmanagers that were raised before a restart, and have not ended.
	Failing []failing.Raised
	// Raise takes the alert that an Alertmanager does not take any, and alerts that others post to the API, on their way to
	// Send. Nil means Send.
	Raise func(...*notifier.Alert)
	// OnAccept, if not nil, is told what an Alertmanager, by the name of its target, has accepted. It is called
	// concurrently and must return quickly.
	OnAccept func(target string, alerts []*notifier.Alert)
	// ExternalLabels are added to that alert.
	ExternalLabels labels.Labels

	// failingAfter replaces failing.Patience in tests.
	failingAfter time.Duration
}

// Fleet sends alerts to all of several Alertmanagers. Its methods are safe for concurrent use.
type Fleet struct {
	senders  []*sender
	handler  http.Handler
	failing  *failing.Watch
	raise    func(...*notifier.Alert)
	language string

	cancel context.CancelFunc
	finish chan struct{}
	done   chan struct{}
	stop   sync.Once
}

// finishTime is how long a stop waits for Alertmanagers that take what is left.
const finishTime = 5 * time.Second

// New makes a Fleet that sends from now on, until Stop.
func New(o Options) (*Fleet, error) {
	if len(o.Targets) == 0 {
		return nil, errors.New("external Alertmanagers: want at least one")
	}
	f := &Fleet{language: o.Language, finish: make(chan struct{}), done: make(chan struct{})}
	for _, t := range o.Targets {
		transport, err := t.transport()
		if err != nil {
			return nil, err
		}
		s := &sender{
			target: t, client: &http.Client{Transport: transport, CheckRedirect: stay(t)}, queue: newQueue(),
			logger: o.Logger.With("component", "pager", "alertmanager", t.Name), onAccept: o.OnAccept,
		}
		if s.onAccept == nil {
			s.onAccept = func(string, []*notifier.Alert) {}
		}
		s.measure(o.Metrics)
		f.senders = append(f.senders, s)
	}
	f.handler = f.api()
	if f.raise = o.Raise; f.raise == nil {
		f.raise = f.Send
	}
	f.failing = failing.New(failing.Options{Patience: o.failingAfter, Raise: f.raise, Labels: o.ExternalLabels, Logger: o.Logger})
	f.resume(o.Failing)
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	var work sync.WaitGroup
	for _, s := range f.senders {
		s.failing = f.failing
		work.Go(func() { s.run(ctx, f.finish) })
	}
	go func() {
		work.Wait()
		for _, s := range f.senders {
			s.client.CloseIdleConnections()
		}
		close(f.done)
	}()
	return f, nil
}

// resume goes on with alerts of before a restart, and ends those about who is no target any more.
func (f *Fleet) resume(before []failing.Raised) {
	subjects := map[failing.Subject]bool{}
	for _, s := range f.senders {
		subjects[s.subject()] = true
	}
	f.failing.Resume(subjects, before...)
}

// stay makes the answer of those who are not to follow redirects the redirect itself.
func stay(t Target) func(*http.Request, []*http.Request) error {
	if t.client.FollowRedirects {
		return nil
	}
	return func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
}

// Send takes alerts from a rule evaluator and waits for no network. After Stop they are dropped.
func (f *Fleet) Send(alerts ...*notifier.Alert) {
	now := time.Now()
	alerts = f.translated(alerts)
	for _, s := range f.senders {
		s.queue.put(s.others(alerts), now)
	}
}

// translated returns alerts that say in the configured language what rules say in several.
func (f *Fleet) translated(alerts []*notifier.Alert) []*notifier.Alert {
	all := make([]*notifier.Alert, len(alerts))
	for i, a := range alerts {
		all[i] = a
		changes := language.Annotations(f.language, a.Annotations.Get)
		if len(changes) == 0 {
			continue
		}
		b := labels.NewBuilder(a.Annotations)
		for name, value := range changes {
			b.Set(name, value)
		}
		c := *a
		c.Annotations = b.Labels()
		all[i] = &c
	}
	return all
}

// Handler serves Alertmanager's API under /api/v2/: alerts that are posted go to all Alertmanagers, everything else is
// answered by the first that can be reached.
func (f *Fleet) Handler() http.Handler { return f.handler }

// Reload does nothing: there is no file.
func (f *Fleet) Reload() error { return nil }

// Stop ends the Fleet. Alertmanagers that take what is left in their queue get it, for five seconds or until ctx ends;
// after a restart the rule evaluator sends what others missed. Stopping again does nothing.
func (f *Fleet) Stop(ctx context.Context) error {
	var err error
	f.stop.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, finishTime)
		defer cancel()
		close(f.finish)
		select {
		case <-f.done:
		case <-ctx.Done():
			left := 0
			for _, s := range f.senders {
				left += s.queue.length()
			}
			err = fmt.Errorf("alerts that an Alertmanager did not take: %d", left)
		}
		f.cancel()
		<-f.done
		f.failing.Close()
	})
	return err
}
