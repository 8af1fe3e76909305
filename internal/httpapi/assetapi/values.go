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
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"

	"github.com/belfry-city/belfry/alerting/hazard"
)

// mostValues bounds how many values an answer has.
const mostValues = 50_000

// newest is a series of an asset with its newest value. docs/api.md explains it.
type newest struct {
	Metric string            `json:"metric"`
	Labels map[string]string `json:"labels"`
	// Value is nil where it is not a number, of which JSON has none.
	Value *float64       `json:"value"`
	Time  hazard.Instant `json:"time"`
	Unit  string         `json:"unit"`
}

// look is a look at the newest values of assets.
type look struct {
	handler *Handler
	querier storage.ChunkQuerier
	from    int64
	to      int64
	names   *labels.Matcher
	left    int
	cut     bool // there were more values than mostValues
	iterate chunks.Iterator
	samples chunkenc.Iterator
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
	l := &look{handler: h, querier: q, from: from, to: to, left: mostValues}
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
func (l *look) of(ctx context.Context, id string) (found []newest, err error) {
	matchers := []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, assetLabel, id)}
	if l.names != nil {
		matchers = append(matchers, l.names)
	}
	// Trimming would encode the newest chunk anew.
	set := l.querier.Select(ctx, true, &storage.SelectHints{Start: l.from, End: l.to, DisableTrimming: true}, matchers...)
	for set.Next() {
		series := set.At()
		name := series.Labels().Get(model.MetricNameLabel)
		if hidden(name) {
			continue
		}
		t, v, ok, err := l.newest(series)
		if err != nil {
			return nil, fmt.Errorf("read the newest values of %q: %w", id, err)
		}
		if !ok || value.IsStaleNaN(v) {
			continue
		}
		if l.left == 0 {
			l.cut = true
			break
		}
		l.left--
		found = append(found, l.show(name, series.Labels(), t, v))
	}
	if err := set.Err(); err != nil {
		return nil, fmt.Errorf("read the newest values of %q: %w", id, err)
	}
	return found, nil
}

func (l *look) show(name string, series labels.Labels, t int64, v float64) newest {
	known, _ := l.handler.opts.Metrics.Of(name)
	n := newest{Metric: strings.Clone(name), Labels: map[string]string{}, Time: hazard.Instant(t), Unit: known.Unit}
	series.Range(func(l labels.Label) {
		if l.Name != model.MetricNameLabel && l.Name != assetLabel {
			n.Labels[strings.Clone(l.Name)] = strings.Clone(l.Value)
		}
	})
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		n.Value = &v
	}
	return n
}

// newest is the newest sample of a series that is a number. Only chunks at the end
// are decoded.
func (l *look) newest(series storage.ChunkSeries) (t int64, v float64, ok bool, err error) {
	l.iterate = series.Iterator(l.iterate)
	var metas []chunks.Meta
	for l.iterate.Next() {
		metas = append(metas, l.iterate.At())
	}
	if err := l.iterate.Err(); err != nil {
		return 0, 0, false, err
	}
	for _, meta := range slices.Backward(metas) {
		l.samples = meta.Chunk.Iterator(l.samples)
		for kind := l.samples.Next(); kind != chunkenc.ValNone; kind = l.samples.Next() {
			if kind != chunkenc.ValFloat {
				continue
			}
			if at, value := l.samples.At(); at >= l.from && at <= l.to && (!ok || at >= t) {
				t, v, ok = at, value, true
			}
		}
		if err := l.samples.Err(); err != nil || ok {
			return t, v, ok, err
		}
	}
	return 0, 0, false, nil
}
