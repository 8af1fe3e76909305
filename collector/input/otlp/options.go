package otlp

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/otlptranslator"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/storage/remote/otlptranslator/prometheusremotewrite"
)

// Encoding is how a request is written.
type Encoding int

// The values of Encoding.
const (
	Protobuf Encoding = iota
	JSON
)

// Options of a Decoder. Late, Early, MaxBody and MaxPoint are required.
type Options struct {
	// Translation says what becomes of names, as Prometheus' setting
	// otlp.translation_strategy does; UnderscoreEscapingWithSuffixes.
	Translation string
	// Promote are the resource attributes that become labels of all series of
	// their resource; PromoteAll makes it all of them but Ignore.
	Promote    []string
	PromoteAll bool
	Ignore     []string
	// KeepIdentifying has service.name and the like also in target_info.
	KeepIdentifying bool
	// PromoteScope makes labels of the instrumentation scope.
	PromoteScope bool
	// CustomBuckets stores histograms with explicit bounds as native histograms.
	CustomBuckets bool
	// Cumulate sums up deltas, in memory; otherwise they are refused. Streams
	// bounds how many series of deltas there may be.
	Cumulate bool
	Streams  int
	// Late and Early are how far the time of a point may be from now.
	Late, Early time.Duration
	// Lookback is that of queries: target_info is repeated within it.
	Lookback time.Duration
	// MaxBody bounds a request and MaxPoint the attributes of one point, in
	// bytes.
	MaxBody, MaxPoint int64
}

// The values of Options.Translation.
const (
	EscapingWithSuffixes    = "UnderscoreEscapingWithSuffixes"
	EscapingWithoutSuffixes = "UnderscoreEscapingWithoutSuffixes"
	UTF8WithSuffixes        = "NoUTF8EscapingWithSuffixes"
	UTF8WithoutSuffixes     = "NoTranslation"
)

func (o *Options) translation() (otlptranslator.TranslationStrategyOption, error) {
	switch o.Translation {
	case "":
		return otlptranslator.UnderscoreEscapingWithSuffixes, nil
	case EscapingWithSuffixes, EscapingWithoutSuffixes, UTF8WithSuffixes, UTF8WithoutSuffixes:
		return otlptranslator.TranslationStrategyOption(o.Translation), nil
	}
	return "", fmt.Errorf("otlp: no translation is called %q", o.Translation)
}

func (o *Options) settings() (prometheusremotewrite.Settings, error) {
	strategy, err := o.translation()
	if err != nil {
		return prometheusremotewrite.Settings{}, err
	}
	if o.Late <= 0 || o.Early <= 0 || o.MaxBody <= 0 || o.MaxPoint <= 0 {
		return prometheusremotewrite.Settings{}, errors.New("otlp: Late, Early, MaxBody and MaxPoint are required")
	}
	if o.Lookback <= 0 {
		o.Lookback = 5 * time.Minute
	}
	upstream := promconfig.DefaultOTLPConfig
	return prometheusremotewrite.Settings{
		AddMetricSuffixes: strategy.ShouldAddSuffixes(),
		AllowUTF8:         !strategy.ShouldEscape(),
		PromoteResourceAttributes: prometheusremotewrite.NewPromoteResourceAttributes(promconfig.OTLPConfig{
			PromoteAllResourceAttributes: o.PromoteAll, PromoteResourceAttributes: o.Promote, IgnoreResourceAttributes: o.Ignore,
		}),
		KeepIdentifyingResourceAttributes:    o.KeepIdentifying,
		ConvertHistogramsToNHCB:              o.CustomBuckets,
		PromoteScopeMetadata:                 o.PromoteScope,
		LabelNameUnderscoreSanitization:      upstream.LabelNameUnderscoreSanitization,
		LabelNamePreserveMultipleUnderscores: upstream.LabelNamePreserveMultipleUnderscores,
	}, nil
}
