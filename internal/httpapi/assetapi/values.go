package assetapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/collector/tsdb/newest"
)

// mostValues bounds how many values an answer has.
const mostValues = 50_000

// shownValue is a series of an asset with its newest value. docs/api.md explains it.
type shownValue struct {
	Metric string            `json:"metric"`
	Labels map[string]string `json:"labels"`
	// Value is nil where it is not a number, of which JSON has none.
	Value *float64       `json:"value"`
	Time  hazard.Instant `json:"time"`
	Unit  string         `json:"unit"`
}

// look is a look at the newest values of assets.
type look struct {
	newest.Reader
	handler *Handler
	querier storage.ChunkQuerier
	names   *labels.Matcher
	left    int
	cut     bool // there were more values than mostValues
}

// hidden are series about an asset that are no readings of it.
func hidden(metric string) bool {
	switch metric {
	case "asset_info", "asset_threshold", "ALERTS", "ALERTS_FOR_STATE":
		return true
	}
	return false
}

// begin opens the database for samples between two times, in milliseconds, of some
// metrics; with "*" of all.
func (h *Handler) begin(from, to int64, metrics []string) (*look, error) {
	q, err := h.opts.Store.ChunkQuerier(from, to)
	if err != nil {
		return nil, fmt.Errorf("read the newest values: %w", err)
	}
	l := &look{Reader: newest.Reader{From: from, To: to}, handler: h, querier: q, left: mostValues}
	if !slices.Contains(metrics, every) {
		l.names, err = anyOf(model.MetricNameLabel, metrics)
	}
	if err != nil {
		return nil, errors.Join(err, q.Close())
	}
	return l, nil
}

// anyOf matches one of some values.
func anyOf(name string, values []string) (*labels.Matcher, error) {
	if len(values) == 1 {
		return labels.NewMatcher(labels.MatchEqual, name, values[0])
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = regexp.QuoteMeta(v)
	}
	return labels.NewMatcher(labels.MatchRegexp, name, strings.Join(quoted, "|"))
}

func (l *look) close() error { return l.querier.Close() }

// of are the newest values of an asset, by metric and labels.
func (l *look) of(ctx context.Context, id string) (found []shownValue, err error) {
	matchers := []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, assetLabel, id)}
	if l.names != nil {
		matchers = append(matchers, l.names)
	}
	err = l.Read(ctx, l.querier, true, matchers, func(series labels.Labels, sample func() (newest.Sample, bool, error)) (more bool, err error) {
		name := series.Get(model.MetricNameLabel)
		if hidden(name) {
			return true, nil
		}
		s, ok, err := sample()
		if err != nil || !ok {
			return true, err
		}
		if l.cut = l.left == 0; l.cut {
			return false, nil
		}
		l.left--
		found = append(found, l.show(name, series, s))
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the newest values of %q: %w", id, err)
	}
	return found, nil
}

func (l *look) show(name string, series labels.Labels, s newest.Sample) shownValue {
	known, _ := l.handler.opts.Metrics.Of(name)
	n := shownValue{Metric: strings.Clone(name), Labels: map[string]string{}, Time: hazard.Instant(s.Time), Unit: known.Unit}
	series.Range(func(l labels.Label) {
		if l.Name != model.MetricNameLabel && l.Name != assetLabel {
			n.Labels[strings.Clone(l.Name)] = strings.Clone(l.Value)
		}
	})
	if !math.IsNaN(s.Value) && !math.IsInf(s.Value, 0) {
		n.Value = &s.Value
	}
	return n
}
