package failing

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
)

const (
	// AlertName is the name of the alert.
	AlertName = "ReceiverFailing"
	// Patience is how long who takes pages may fail before the alert is raised.
	Patience = time.Minute

	runbook = "https://github.com/belfry-city/belfry/blob/main/docs/runbooks/ReceiverFailing.md"
	// An alert is sent again while it fires, and ends by itself when it is not.
	resend = time.Minute
	valid  = 4 * resend
	// Doubt is how long an alert of before a restart goes on while nothing is sent to whom it is about.
	Doubt = 5 * time.Minute
)

// Subject is who takes pages, or does not.
type Subject struct {
	Receiver    string // as it is configured
	Integration string // such as webhook[0]
}

// Of returns whom an alert is about, if it is one of this package's.
func Of(label func(string) string) (Subject, bool) {
	s := Subject{label("receiver"), label("integration")}
	return s, label(labels.AlertName) == AlertName
}

// Raised is an alert of before a restart.
type Raised struct {
	Subject
	Since time.Time // when it was raised
}

// Options of a Watch. Raise is required.
type Options struct {
	// Patience is how long a subject may fail; 0 means the constant.
	Patience time.Duration
	// Doubt replaces the constant, if it is not 0.
	Doubt time.Duration
	// Raise takes alerts, in a goroutine of the Watch's.
	Raise func(...*notifier.Alert)
	// Logger is told too, since there may be nobody else to tell; nil: it is not.
	Logger *slog.Logger
	// Labels are added to alerts, such as those that tell one Belfry from another.
	Labels labels.Labels
}

// Watch raises and ends alerts. Its methods are safe for concurrent use.
type Watch struct {
	opts Options

	mu       sync.Mutex
	subjects map[Subject]*record // of those that fail, or have just ceased to
	changed  chan struct{}       // has room for one
	stop     chan struct{}
	done     chan struct{}
	stopOnce sync.Once
}

type record struct {
	since    time.Time // the beginning of the first attempt that failed
	failures int
	again    bool      // the last attempt is followed by another
	raised   time.Time // when the alert was raised; zero: it was not
	next     time.Time // when it is sent again
	over     bool      // pages are taken again, or the subject is gone
	doubt    time.Time // when it is over unless an attempt fails; zero: there is none
}

// New makes a Watch, which runs until Close.
func New(o Options) *Watch {
	if o.Patience == 0 {
		o.Patience = Patience
	}
	if o.Doubt == 0 {
		o.Doubt = Doubt
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Watch{
		opts: o, subjects: map[Subject]*record{},
		changed: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w
}

// Close ends a Watch. Alerts that fire end by themselves, unless another Watch resumes them.
func (w *Watch) Close() {
	w.stopOnce.Do(func() { close(w.stop) })
	<-w.done
}

// Attempted says how an attempt went that began at start. again: if it failed, it is made again soon.
func (w *Watch) Attempted(s Subject, start time.Time, err error, again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.subjects[s]
	switch {
	case err == nil && r == nil:
		return
	case err == nil:
		r.over = true
	case r == nil || r.over && r.raised.IsZero():
		w.subjects[s] = &record{since: start, failures: 1, again: again}
	default:
		r.over, r.again, r.doubt = false, again, time.Time{}
		r.failures++
	}
	w.wake()
}

// Resume goes on with alerts of before a restart: the next attempt decides whether they end. Those about other subjects
// end at once.
func (w *Watch) Resume(subjects map[Subject]bool, before ...Raised) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range before {
		if w.subjects[r.Subject] == nil {
			w.subjects[r.Subject] = &record{
				since: r.Since, failures: 1, raised: r.Since, next: now, over: !subjects[r.Subject], doubt: now.Add(w.opts.Doubt),
			}
		}
	}
	w.wake()
}

// Keep ends the alerts about all others.
func (w *Watch) Keep(subjects map[Subject]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s, r := range w.subjects {
		if !subjects[s] {
			r.over = true
		}
	}
	w.wake()
}

func (w *Watch) wake() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *Watch) run() {
	defer close(w.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		alerts, next := w.look(time.Now())
		if len(alerts) > 0 {
			w.opts.Raise(alerts...)
		}
		timer.Reset(next)
		select {
		case <-w.changed:
		case <-timer.C:
		case <-w.stop:
			return
		}
	}
}

// look returns the alerts that are due, and in how long to look again.
func (w *Watch) look(now time.Time) (due []*notifier.Alert, next time.Duration) {
	next = time.Hour
	w.mu.Lock()
	defer w.mu.Unlock()
	for s, r := range w.subjects {
		if !r.doubt.IsZero() {
			r.over = r.over || !r.doubt.After(now)
			next = min(next, r.doubt.Sub(now))
		}
		switch {
		case r.over && !r.raised.IsZero():
			due = append(due, w.alert(s, r, now))
			w.opts.Logger.Info("pages are taken again, or nothing is sent there any more", "receiver", s.Receiver, "integration", s.Integration)
			delete(w.subjects, s)
			continue
		case r.over:
			delete(w.subjects, s)
			continue
		case r.raised.IsZero() && r.failures < 2 && r.again:
			continue // the next attempt says more
		case r.raised.IsZero():
			if left := r.since.Add(w.opts.Patience).Sub(now); left > 0 {
				next = min(next, left)
				continue
			}
			r.raised, r.next = now, now
			w.opts.Logger.Error("pages do not get through", "alert", AlertName, "receiver", s.Receiver, "integration", s.Integration, "since", r.since)
		}
		if !r.next.After(now) {
			due = append(due, w.alert(s, r, now.Add(valid)))
			r.next = now.Add(resend)
		}
		next = min(next, r.next.Sub(now))
	}
	return due, next
}

func (w *Watch) alert(s Subject, r *record, end time.Time) *notifier.Alert {
	b := labels.NewBuilder(w.opts.Labels)
	b.Set(labels.AlertName, AlertName).Set("severity", "critical").Set("domain", "device")
	b.Set("receiver", s.Receiver).Set("integration", s.Integration)
	who := fmt.Sprintf("%s (%s)", s.Receiver, s.Integration)
	return &notifier.Alert{
		Labels: b.Labels(), StartsAt: r.raised, EndsAt: end,
		Annotations: labels.FromStrings(
			"summary", "Pages do not get through to "+who,
			"description", "All attempts fail; the log says how. Whoever is paged there knows nothing of what happens: tell them by other means.",
			"summary_zh", "告警送不到 "+who,
			"description_zh", "发送一直失败，原因见日志。该接收端的人员收不到任何告警，请用其他方式通知。",
			"runbook_url", runbook,
		),
	}
}
