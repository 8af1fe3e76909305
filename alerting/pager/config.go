package pager

import (
	_ "embed"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/alerting/pager/failing"
)

//go:embed default.yml
var defaultConfig string

// defaultName is what messages call the embedded configuration.
const defaultName = "default.yml"

// parsers sets upstream's parsers of matchers and label names, which live in package variables, to what Alertmanager
// has without feature flags. They are the same for every Pager in the process.
//
//nolint:gochecknoglobals // guards upstream's package variables
var parsers sync.Once

// loadConfig reads a configuration and returns its text too; "" is the embedded one. Its errors say file and line,
// one a line.
func loadConfig(path string) (*config.Config, string, error) {
	parsers.Do(func() { compat.InitFromFlags(slog.New(slog.DiscardHandler), featurecontrol.NoopFlags{}) })
	if path == "" {
		conf, err := config.Load(defaultConfig)
		if err != nil {
			return nil, "", locate(defaultName, defaultConfig, err)
		}
		return conf, defaultConfig, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("read pager configuration: %w", err)
	}
	// Only LoadFile resolves the paths in it, so it reads the file once more.
	conf, err := config.LoadFile(path)
	if err != nil {
		return nil, "", locate(path, string(text), err)
	}
	return conf, string(text), nil
}

// urgentFirst returns the routing tree with a copy of itself put in front for critical alerts, in which group_wait is
// zero: the root's, that is there in nearly every file, is meant for the rest. Only a group_wait at or below a route
// that chooses by severity itself holds for critical alerts too. In the copy each route matches, continues and
// inherits as in the original, so critical alerts reach the same receivers.
func urgentFirst(root *config.Route) (*config.Route, error) {
	critical, err := labels.NewMatcher(labels.MatchEqual, "severity", "critical")
	if err != nil {
		return nil, fmt.Errorf("route of critical alerts: %w", err)
	}
	var none model.Duration
	urgent := withoutWait(root, false)
	urgent.Matchers = append(urgent.Matchers[:0:0], critical)
	urgent.GroupWait = &none
	whole := *root
	whole.Routes = append([]*config.Route{urgent}, root.Routes...)
	return &whole, nil
}

// withoutWait copies a tree and leaves out the group_waits that were not written with severities in mind.
func withoutWait(r *config.Route, meant bool) *config.Route {
	c := *r
	meant = meant || choosesBySeverity(r)
	if !meant {
		c.GroupWait = nil
	}
	c.Routes = make([]*config.Route, 0, len(r.Routes))
	for _, child := range r.Routes {
		c.Routes = append(c.Routes, withoutWait(child, meant))
	}
	return &c
}

func choosesBySeverity(r *config.Route) bool {
	_, equal := r.Match["severity"]
	_, like := r.MatchRE["severity"]
	return equal || like || slices.ContainsFunc(r.Matchers, func(m *labels.Matcher) bool { return m.Name == "severity" })
}

// failuresFirst returns the routing tree with a route put in front that takes the alert about a receiver that keeps
// failing to all receivers. The integration that it is about does not send it.
func failuresFirst(root *config.Route, receivers []string) (*config.Route, error) {
	named, err := labels.NewMatcher(labels.MatchEqual, model.AlertNameLabel, failing.AlertName)
	if err != nil {
		return nil, fmt.Errorf("route of failing receivers: %w", err)
	}
	var none model.Duration
	interval, repeat := model.Duration(10*time.Second), model.Duration(4*time.Hour)
	first := &config.Route{
		Receiver: root.Receiver, Matchers: []*labels.Matcher{named}, GroupByAll: true,
		GroupWait: &none, GroupInterval: &interval, RepeatInterval: &repeat,
	}
	for _, name := range receivers {
		first.Routes = append(first.Routes, &config.Route{Receiver: name, Continue: true})
	}
	whole := *root
	whole.Routes = append([]*config.Route{first}, root.Routes...)
	return &whole, nil
}
