package config

import (
	"reflect"

	"github.com/prometheus/prometheus/model/labels"
)

// NeedRestart names the keys in which fresh differs from the configuration
// that runs, and that a reload does not change.
func (c *Config) NeedRestart(fresh *Config) (keys []string) {
	for _, k := range []struct {
		key       string
		old, want any
	}{
		{"listen", c.Listen, fresh.Listen},
		{"data_dir", c.DataDir, fresh.DataDir},
		{"durability", c.Durability, fresh.Durability},
		{"retention", c.Retention, fresh.Retention},
		{"events", c.Events, fresh.Events},
		{"hazards", c.Hazards, fresh.Hazards},
		{"limits", c.Limits, fresh.Limits},
		{"disk_reserve", c.DiskReserve, fresh.DiskReserve},
		{"external_url", c.ExternalURL, fresh.ExternalURL},
		{"timezone", c.Timezone.String(), fresh.Timezone.String()},
		{"language", c.Language, fresh.Language},
		{"bucket_label", c.BucketLabel, fresh.BucketLabel},
		{"evaluation_interval", c.EvaluationInterval, fresh.EvaluationInterval},
		{"query", c.Query, fresh.Query},
		{"devices", c.Devices, fresh.Devices},
		{"pager.config", c.Pager.Config, fresh.Pager.Config},
		{"pager.external", c.externalText(), fresh.externalText()},
		{"tls", c.TLS, fresh.TLS},
		{"inputs", c.Inputs.needRestart(), fresh.Inputs.needRestart()},
		{"log", c.Log, fresh.Log},
	} {
		if !reflect.DeepEqual(k.old, k.want) {
			keys = append(keys, k.key)
		}
	}
	if !labels.Equal(c.ExternalLabels, fresh.ExternalLabels) {
		keys = append(keys, "external_labels")
	}
	return keys
}
