package query

import (
	"context"
	"maps"
	"slices"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// unitsOf looks up the units of the metrics that are the keys, as Grafana writes
// them.
func (a *asked) unitsOf(ctx context.Context, units map[string]string) error {
	delete(units, "")
	if len(units) == 0 {
		return nil
	}
	metrics, err := a.Client.Explain(ctx, slices.Sorted(maps.Keys(units)))
	if err != nil {
		return err
	}
	for _, m := range metrics {
		units[m.Name] = grafanaUnit(m.Unit)
	}
	return nil
}

// measured is the metric of which a series has values: its own, or that which its
// label metric says, where it is a limit or a model's word about another.
func measured(labels data.Labels) string {
	switch name := labels["__name__"]; name {
	case "asset_threshold", "anomaly_expected", "anomaly_lower", "anomaly_upper":
		return labels["metric"]
	default:
		return name
	}
}

// giveUnits gives series the units of their metrics, where the query wants it and
// they still have the names.
func (a *asked) giveUnits(ctx context.Context, frames data.Frames) error {
	if !a.Units || a.alerting {
		return nil
	}
	units := map[string]string{}
	each := func(do func(*data.Field, string)) {
		for _, frame := range frames {
			for _, field := range frame.Fields {
				if field.Type().Numeric() && field.Labels != nil {
					do(field, measured(field.Labels))
				}
			}
		}
	}
	each(func(_ *data.Field, metric string) { units[metric] = "" })
	if len(units) > mostGroups {
		return nil
	}
	if err := a.unitsOf(ctx, units); err != nil {
		return err
	}
	each(func(field *data.Field, metric string) {
		if units[metric] == "" {
			return
		}
		if field.Config == nil {
			field.Config = &data.FieldConfig{}
		}
		field.Config.Unit = units[metric]
	})
	return nil
}
