package external

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"

	"github.com/belfry-city/belfry/alerting/pager/failing"
)

const (
	batchSize   = 256
	sendTime    = 10 * time.Second
	firstRetry  = 250 * time.Millisecond
	longestWait = 5 * time.Second
	// maxRetryAfter bounds what an answer may ask for: it is pages that wait.
	maxRetryAfter = 30 * time.Second
)

// sender sends one queue to one Alertmanager.
type sender struct {
	target  Target
	client  *http.Client
	queue   *queue
	logger  *slog.Logger
	counts  counts
	failing *failing.Watch
	// onAccept is Options.OnAccept.
	onAccept func(target string, alerts []*notifier.Alert)

	mu   sync.Mutex
	down time.Time // since when no attempt has succeeded; zero: the last one did
}

// run sends until ctx ends, and after finish is closed until the queue is empty or an attempt fails.
func (s *sender) run(ctx context.Context, finish <-chan struct{}) {
	wait := &backoff.ExponentialBackOff{
		InitialInterval: firstRetry, MaxInterval: longestWait, Multiplier: 2, RandomizationFactor: 0.2,
	}
	wait.Reset()
	for {
		batch := s.queue.batch(batchSize)
		if len(batch) == 0 {
			select {
			case <-s.queue.changed:
				continue
			case <-finish:
				if s.queue.length() == 0 {
					return
				}
				continue
			case <-ctx.Done():
				return
			}
		}
		begun := time.Now()
		err := s.deliver(ctx, batch)
		if ctx.Err() == nil {
			s.note(err)
			s.failing.Attempted(s.subject(), begun, err, true)
		}
		if err == nil {
			wait.Reset()
			continue
		}
		pause := wait.NextBackOff()
		if refusal := new(refusal); errors.As(err, &refusal) && refusal.retryAfter > 0 {
			pause = min(refusal.retryAfter, maxRetryAfter)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-finish:
			timer.Stop()
			return
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

func (s *sender) subject() failing.Subject {
	return failing.Subject{Receiver: s.target.Name, Integration: "alertmanager"}
}

// others leaves out that this Alertmanager takes no alerts, of which the others tell.
func (s *sender) others(alerts []*notifier.Alert) []*notifier.Alert {
	about := func(a *notifier.Alert) bool {
		who, ok := failing.Of(a.Labels.Get)
		return ok && who == s.subject()
	}
	if !slices.ContainsFunc(alerts, about) {
		return alerts
	}
	return slices.DeleteFunc(slices.Clone(alerts), about)
}

// note remembers whether the Alertmanager takes alerts.
func (s *sender) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil && !s.down.IsZero():
		s.logger.Info("Alertmanager takes alerts again", "failed_for", time.Since(s.down).Round(time.Millisecond))
		s.down = time.Time{}
	case err != nil && s.down.IsZero():
		s.logger.Warn("Alertmanager does not take alerts; trying again", "err", err)
		s.down = time.Now()
	case err != nil:
		s.logger.Debug("Alertmanager does not take alerts", "err", err)
	}
}

// failingFor is how long the Alertmanager has not taken alerts; zero: it takes them.
func (s *sender) failingFor(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down.IsZero() {
		return 0
	}
	return max(now.Sub(s.down), 1)
}

// deliver sends alerts and takes out of the queue what is done with. Of alerts that are refused it finds the one that
// is at fault. An error means that all that is left in the queue is to be tried again.
func (s *sender) deliver(ctx context.Context, alerts []*notifier.Alert) error {
	err := s.post(ctx, alerts)
	var r *refusal
	switch {
	case err == nil:
		s.counts.sent.Add(len(alerts))
		s.queue.accepted(alerts, time.Now())
		s.onAccept(s.target.Name, alerts)
		return nil
	case !errors.As(err, &r) || !r.ofContent:
		s.counts.failed.Inc()
		s.queue.failed(alerts, !unheard(err), time.Now())
		return err
	case len(alerts) > 1:
		half := len(alerts) / 2
		if err := s.deliver(ctx, alerts[:half]); err != nil {
			return err
		}
		return s.deliver(ctx, alerts[half:])
	}
	s.counts.refused.Inc()
	s.logger.Error("alert refused and dropped", "alert", alerts[0].Labels.String(), "err", err)
	s.queue.refused(alerts[0])
	return nil
}

// refusal is an answer other than success.
type refusal struct {
	status     int
	text       string
	ofContent  bool // it is about what was sent, not about the sender or the time
	retryAfter time.Duration
}

func (r *refusal) Error() string { return fmt.Sprintf("answer %d: %s", r.status, r.text) }

func (s *sender) post(ctx context.Context, alerts []*notifier.Alert) error {
	body, err := json.Marshal(postable(alerts))
	if err != nil {
		return fmt.Errorf("encode alerts: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.target.api("/api/v2/alerts").String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "belfry")
	resp, err := s.client.Do(r)
	if err != nil {
		return fmt.Errorf("send alerts: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if resp.StatusCode/100 == 2 {
		return nil
	}
	return &refusal{
		status: resp.StatusCode, text: string(bytes.TrimSpace(text)),
		ofContent: ofContent(resp), retryAfter: retryAfter(resp.Header.Get("Retry-After")),
	}
}

// ofContent tells an Alertmanager that dislikes an alert from a proxy, or another server, that dislikes everything.
func ofContent(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusRequestEntityTooLarge:
		return true
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		return kind == "application/json"
	}
	return false
}

func retryAfter(text string) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 3600)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return time.Until(at)
	}
	return 0
}

// unheard reports whether there was not even a connection.
func unheard(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func postable(alerts []*notifier.Alert) models.PostableAlerts {
	all := make(models.PostableAlerts, 0, len(alerts))
	for _, a := range alerts {
		all = append(all, &models.PostableAlert{
			Annotations: labelSet(a.Annotations), StartsAt: strfmt.DateTime(a.StartsAt), EndsAt: strfmt.DateTime(a.EndsAt),
			Alert: models.Alert{GeneratorURL: strfmt.URI(a.GeneratorURL), Labels: labelSet(a.Labels)},
		})
	}
	return all
}

func labelSet(ls labels.Labels) models.LabelSet {
	set := models.LabelSet{}
	ls.Range(func(l labels.Label) { set[l.Name] = l.Value })
	return set
}
