package evaluate

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/util/strutil"
)

const labelAsset = "asset"

// notify sends alerts of a rule.
func (e *Evaluator) notify(ctx context.Context, r *rule, alerts []*rules.Alert) {
	if len(alerts) == 0 {
		return
	}
	now := e.now()
	added := make([]*frozen, len(alerts))
	var beginning []int
	for i, alert := range alerts {
		firing := alert.ResolvedAt.IsZero()
		kept, ok := e.freezer.get(alert.Labels, firing, now)
		if !ok {
			kept = e.added(alert)
			if firing {
				beginning = append(beginning, i)
			}
		}
		added[i] = kept
	}
	if len(beginning) > 0 {
		e.explain(ctx, r, alerts, added, beginning, now)
	}

	out := make([]*notifier.Alert, len(alerts))
	for i, alert := range alerts {
		out[i] = &notifier.Alert{
			StartsAt:     alert.FiredAt,
			EndsAt:       alert.ValidUntil,
			Labels:       merged(alert.Labels, added[i].Labels),
			Annotations:  annotations(alert, added[i]),
			GeneratorURL: strings.TrimSuffix(e.options.ExternalURL.String(), "/") + strutil.TableLinkForExpression(r.text),
		}
		if !alert.ResolvedAt.IsZero() {
			out[i].EndsAt = alert.ResolvedAt
		}
	}
	e.options.Sender.Send(out...)
	e.sent.Add(len(out))
}

// added is what the catalog and the configuration add to an alert now.
func (e *Evaluator) added(alert *rules.Alert) *frozen {
	kept := &frozen{Alert: alert.Labels, Labels: map[string]string{}, Annotations: map[string]string{}}
	e.options.ExternalLabels.Range(func(l labels.Label) { kept.Labels[l.Name] = l.Value })
	if e.options.Catalog == nil {
		return kept
	}
	asset, ok := e.options.Catalog().Asset(alert.Labels.Get(labelAsset))
	if !ok {
		return kept
	}
	for name, value := range map[string]string{
		"team": asset.Team, "street": asset.Street, "district": asset.District,
		"community": asset.Community, "domain": asset.Domain,
	} {
		if value != "" {
			kept.Labels[name] = value
		}
	}
	for name, value := range map[string]string{"name": asset.Name, "name_zh": asset.NameZH} {
		if value != "" {
			kept.Annotations[name] = value
		}
	}
	return kept
}

// explain adds the evidence to the alerts that begin to fire, and freezes them.
func (e *Evaluator) explain(
	ctx context.Context, r *rule, alerts []*rules.Alert, added []*frozen, beginning []int, now time.Time,
) {
	firing := make([]*rules.Alert, len(beginning))
	for n, i := range beginning {
		firing[n] = alerts[i]
	}
	all, err := e.gather(ctx, r.evidence, firing)
	if err != nil {
		e.incomplete.Inc()
		e.logger.Warn("Some alerts are sent without limit or time of reading", "rule", r.name, "err", err)
	}
	for n, i := range beginning {
		notes := added[i].Annotations
		if limit := all[n].limit; limit != nil {
			notes["limit"] = strconv.FormatFloat(*limit, 'f', -1, 64)
		}
		if unit := all[n].unit; unit != "" {
			notes["unit"] = unit
		}
		if reading := all[n].reading; !reading.IsZero() {
			notes["reading_time"] = reading.Format(time.RFC3339Nano)
			notes["due_time"] = all[n].due.Format(time.RFC3339Nano)
		}
		e.freezer.put(added[i], now)
	}
}

// merged adds labels where they are absent.
func merged(to labels.Labels, add map[string]string) labels.Labels {
	if len(add) == 0 {
		return to
	}
	b := labels.NewBuilder(to)
	for _, name := range slices.Sorted(maps.Keys(add)) {
		if to.Get(name) == "" {
			b.Set(name, add[name])
		}
	}
	return b.Labels()
}

// annotations are the rule's own, what was frozen, and the newest value.
func annotations(alert *rules.Alert, kept *frozen) labels.Labels {
	all := merged(alert.Annotations, kept.Annotations)
	if math.IsNaN(alert.Value) || math.IsInf(alert.Value, 0) {
		return all
	}
	return merged(all, map[string]string{"value": strconv.FormatFloat(alert.Value, 'f', -1, 64)})
}
