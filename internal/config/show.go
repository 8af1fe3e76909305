package config

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

const secret = "<secret>"

// Redacted is the configuration as YAML, every setting with its value, for
// people to look at: hashes of tokens and passwords in addresses are replaced
// by <secret>.
func (c *Config) Redacted() string {
	var out strings.Builder
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(c.shown()); err != nil {
		// shown holds nothing that cannot be encoded.
		return fmt.Sprintf("# %v\n", err)
	}
	return out.String()
}

// mapping keeps the order of its arguments: key, value, key, value.
func mapping(keysAndValues ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, kv := range keysAndValues {
		var child yaml.Node
		if node, ok := kv.(*yaml.Node); ok {
			child = *node
		} else if err := child.Encode(kv); err != nil {
			child.SetString(err.Error())
		}
		n.Content = append(n.Content, &child)
	}
	return n
}

func (c *Config) shown() *yaml.Node {
	externalURL := ""
	if c.ExternalURL != nil {
		externalURL = c.ExternalURL.Redacted()
	}
	tokens := []*yaml.Node{}
	for _, t := range c.Auth.Tokens {
		tokens = append(tokens, mapping("name", t.Name, "hash", secret, "scopes", t.Scopes))
	}
	return mapping(
		"listen", c.Listen,
		"data_dir", c.DataDir,
		"durability", c.Durability,
		"retention", mapping("time", duration(c.Retention.Time), "size", c.Retention.Size),
		"events", mapping(
			"time", duration(c.Events.Time), "size", c.Events.Size, "snapshot", c.Events.Snapshot, "raw", c.Events.Raw),
		"hazards", mapping(
			"reopen", duration(c.Hazards.Reopen), "time", duration(c.Hazards.Time), "size", c.Hazards.Size,
			"stream", duration(c.Hazards.Stream)),
		"limits", mapping(
			"series", c.Limits.Series, "exemplars", c.Limits.Exemplars, "late", duration(c.Limits.Late), "early", duration(c.Limits.Early),
			"body", c.Limits.Body, "line", c.Limits.Line, "watched", c.Limits.Watched,
			"in_flight", c.Limits.InFlight, "body_time", duration(c.Limits.BodyTime)),
		"disk_reserve", c.DiskReserve,
		"external_labels", c.ExternalLabels.Map(),
		"external_url", externalURL,
		"timezone", c.Timezone.String(),
		"language", c.Language,
		"bucket_label", c.BucketLabel,
		"catalog", c.Catalog,
		"rules", shownGlobs(c.Rules),
		"detectors", shownGlobs(c.Detectors),
		"evaluation_interval", duration(c.EvaluationInterval),
		"query", mapping(
			"timeout", duration(c.Query.Timeout), "max_samples", c.Query.MaxSamples,
			"max_concurrent", c.Query.MaxConcurrent, "lookback", duration(c.Query.Lookback)),
		"devices", mapping(
			"silent_after", c.Devices.SilentAfter, "least", duration(c.Devices.Least),
			"forget", duration(c.Devices.Forget), "max", c.Devices.Max),
		"pager", mapping("config", c.Pager.Config, "external", c.shownExternal()),
		"auth", mapping("tokens", tokens, "insecure", c.Auth.Insecure),
		"tls", mapping("cert", c.TLS.Cert, "key", c.TLS.Key),
		"inputs", c.shownInputs(),
		"forward", c.shownForward(),
		"log", mapping("level", logLevelName(c.Log.Level), "format", c.Log.Format),
	)
}

// shownExternal leaves secrets out.
func (c *Config) shownExternal() *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, text := range c.externalText() {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err == nil && len(doc.Content) > 0 {
			list.Content = append(list.Content, doc.Content[0])
		}
	}
	hideSecrets(list)
	return list
}

func (c *Config) externalText() (texts []string) {
	for _, e := range c.Pager.External {
		texts = append(texts, string(e.YAML()))
	}
	return texts
}

// shownGlobs tells nil (the embedded defaults) from none.
func shownGlobs(globs []string) any {
	if globs == nil {
		return nil
	}
	return globs
}

func duration(d time.Duration) string { return model.Duration(d).String() }

func logLevelName(level slog.Level) string { return strings.ToLower(level.String()) }
