package past

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/notifier"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/collector/catalog"
)

// history writes hazards by the store's own hand, whose clock it sets.
type history struct {
	store  *hazard.Store
	clock  atomic.Int64 // ms
	words  *alerter
	rng    *rand.Rand
	opened map[*incident]*notifier.Alert
	until  time.Time
}

// writeHazards tells the store of alerts day by day: those that begin, who was
// paged, and those that end.
func writeHazards(ctx context.Context, o Options, words *alerter, all []*incident) (err error) {
	h := &history{words: words, rng: rand.New(rand.NewPCG(o.Seed, 3)), opened: map[*incident]*notifier.Alert{}, until: o.Until}
	const day = 24 * time.Hour
	began := o.Until.Add(-(days + 1) * day)
	h.clock.Store(began.UnixMilli())
	h.store, err = hazard.Open(hazard.Options{
		Dir: filepath.Join(o.Dir, "hazards"), Reopen: time.Minute, NoSync: true,
		Catalog: func() *catalog.Catalog { return o.Catalog },
		Logger:  slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(),
		Now: func() time.Time { return time.UnixMilli(h.clock.Load()) },
	})
	if err != nil {
		return fmt.Errorf("write the hazards of the demo's past: %w", err)
	}
	defer func() { err = errors.Join(err, h.store.Close()) }()
	for from := began; from.Before(o.Until); from = from.Add(day) {
		if err := h.day(ctx, all, from, from.Add(day)); err != nil {
			return err
		}
	}
	return nil
}

// day tells of what began and ended from an instant on, up to another.
func (h *history) day(ctx context.Context, all []*incident, from, to time.Time) error {
	in := func(at time.Time) bool { return at.After(from) && !at.After(to) }
	h.clock.Store(to.UnixMilli())
	var begun, over []*incident
	for _, i := range all {
		if in(i.from) {
			begun = append(begun, i)
		}
		if in(i.to) {
			over = append(over, i)
		}
	}
	if err := h.begin(ctx, begun, to); err != nil {
		return err
	}
	ended := make([]*notifier.Alert, len(over))
	for n, i := range over {
		a := *h.opened[i]
		a.EndsAt = i.to
		ended[n] = &a
	}
	h.take(ended)
	return nil
}

// take tells of alerts, the critical ones by themselves, as the store wants it.
func (h *history) take(alerts []*notifier.Alert) (told []*notifier.Alert) {
	var urgent, rest []*notifier.Alert
	for _, a := range alerts {
		if a.Labels.Get("severity") == critical {
			urgent = append(urgent, a)
		} else {
			rest = append(rest, a)
		}
	}
	for _, some := range [][]*notifier.Alert{urgent, rest} {
		if len(some) > 0 {
			told = append(told, h.store.Take(some)...)
		}
	}
	return told
}

func (h *history) begin(ctx context.Context, begun []*incident, now time.Time) error {
	firing := make([]*notifier.Alert, len(begun))
	for n, i := range begun {
		a, err := h.words.alert(ctx, i)
		if err != nil {
			return err
		}
		h.opened[i] = a
		still := *a
		// Longer than the past, so that the store does not call it over by itself.
		still.EndsAt = now.Add(2 * days * 24 * time.Hour)
		firing[n] = &still
	}
	for _, a := range h.take(firing) {
		if severity := a.Labels.Get("severity"); severity != "info" {
			h.store.Paged(a.Annotations.Get(hazard.AnnotationID), receiver, integration, a.StartsAt.Add(h.latency(severity)))
		}
	}
	return nil
}

// Whom the default pager configuration tells.
const receiver, integration = pager.TerminalReceiver, "terminal[0]"

// latency is how long a page took: warnings are collected for ten seconds.
func (h *history) latency(severity string) time.Duration {
	took := time.Duration(30+h.rng.IntN(400)) * time.Millisecond
	if severity == "warning" {
		took += 10 * time.Second
	}
	return took
}
