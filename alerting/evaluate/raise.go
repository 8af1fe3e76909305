package evaluate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/template"
)

var errSameLabels = errors.New("vector contains metrics with the same labelset after applying alert labels")

// noted are the annotations of an element of a result, which stay as they are
// while its labels and its value do: with many alerts, expanding templates takes
// most of the time.
type noted struct {
	metric      labels.Labels
	value       uint64 // the bits of it
	annotations labels.Labels
}

// raise makes pending alerts of the result of an expression for a part.
func (r *rule) raise(ctx context.Context, p *part, result promql.Vector, now time.Time) (instances, error) {
	all := make(instances, len(result))
	lb := labels.NewBuilder(labels.EmptyLabels())
	for _, sample := range result {
		expand := r.expander(ctx, sample, now)
		lb.Reset(sample.Metric)
		lb.Del(model.MetricNameLabel)
		r.labels.Range(func(l labels.Label) { lb.Set(l.Name, expand(l.Value)) })
		lb.Set(labels.AlertName, r.name)
		lset := lb.Labels()
		hash := lset.Hash()
		if _, twice := all[hash]; twice {
			return nil, errSameLabels
		}
		all[hash] = &rules.Alert{
			Labels: lset, Annotations: r.annotate(p, hash, sample, expand), ActiveAt: now, State: rules.StatePending, Value: sample.F,
		}
	}
	if len(p.notes) > 2*len(all)+1 {
		maps.DeleteFunc(p.notes, func(hash uint64, _ noted) bool { return all[hash] == nil })
	}
	return all, nil
}

func (r *rule) annotate(p *part, hash uint64, sample promql.Sample, expand func(string) string) labels.Labels {
	memorable := r.steady && sample.H == nil
	if n, ok := p.notes[hash]; ok && memorable && n.value == math.Float64bits(sample.F) && labels.Equal(n.metric, sample.Metric) {
		return n.annotations
	}
	var b labels.ScratchBuilder
	r.annotations.Range(func(l labels.Label) { b.Add(l.Name, expand(l.Value)) })
	annotations := b.Labels()
	if memorable {
		if p.notes == nil {
			p.notes = map[uint64]noted{}
		}
		p.notes[hash] = noted{sample.Metric, math.Float64bits(sample.F), annotations}
	}
	return annotations
}

// steady says whether templates depend on nothing but an element's labels and
// value: they neither ask the store nor the clock.
func steady(templates labels.Labels) bool {
	asks := regexp.MustCompile(`\b(query|now)\b`)
	yes := true
	templates.Range(func(l labels.Label) { yes = yes && !asks.MatchString(l.Value) })
	return yes
}

// templateNames are the short names that templates of rules have.
const templateNames = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"

// expander expands the templates of a rule for one element of its result.
func (r *rule) expander(ctx context.Context, sample promql.Sample, now time.Time) func(string) string {
	e := r.group.evaluator
	var data any
	return func(text string) string {
		if !strings.Contains(text, "{{") {
			return text
		}
		if data == nil {
			data = template.AlertTemplateData(sample.Metric.Map(), r.group.externalLabels, e.options.ExternalURL.String(), sample)
		}
		t := template.NewTemplateExpander(ctx, templateNames+text, "__alert_"+r.name, data, model.Time(timestamp.FromTime(now)),
			template.QueryFunc(e.query), e.options.ExternalURL, nil)
		expanded, err := t.Expand()
		if err != nil {
			expanded = fmt.Sprintf("<error expanding template: %s>", err)
			e.logger.Warn("Expanding alert template failed", "rule", r.name, "err", err)
		}
		return expanded
	}
}
