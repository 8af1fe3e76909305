package pager

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/alerting/pager/failing"
)

// unaddressed is the receiver of alerts that are for nobody.
const unaddressed = "belfry-nobody"

// ownRoutes is how many routes routing puts in front of the author's.
const ownRoutes = 3

// routing returns the author's routing tree with three routes in front: for what is told of failing receivers, for
// alerts that are for nobody unless a route names them, and for critical alerts.
func routing(author *config.Route, receivers []string) (*config.Route, error) {
	people := ofPeople(author)
	failures, err := toAll(author, slices.DeleteFunc(slices.Clone(receivers), func(name string) bool { return !people[name] }))
	if err != nil {
		return nil, err
	}
	none, err := onlyWhereNamed(author)
	if err != nil {
		return nil, err
	}
	urgent, err := withoutGroupWait(author)
	if err != nil {
		return nil, err
	}
	whole := *author
	whole.Routes = append([]*config.Route{failures, none, urgent}, author.Routes...)
	return &whole, nil
}

// withoutGroupWait returns a copy of the routing tree for critical alerts, in which group_wait is zero: the root's,
// that is there in nearly every file, is meant for the rest. Only a group_wait at or below a route that chooses by
// severity itself holds for critical alerts too. In the copy each route matches, continues and inherits as in the
// original, so critical alerts reach the same receivers.
func withoutGroupWait(root *config.Route) (*config.Route, error) {
	critical, err := labels.NewMatcher(labels.MatchEqual, "severity", "critical")
	if err != nil {
		return nil, fmt.Errorf("route of critical alerts: %w", err)
	}
	var none model.Duration
	urgent := withoutWait(root, false)
	urgent.Matchers = append(urgent.Matchers[:0:0], critical)
	urgent.GroupWait = &none
	return urgent, nil
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

// onlyWhereNamed returns a copy of the routing tree for alerts with severity="none", of which only those routes are
// left that ask for such alerts by severity or by name, and what is below them. All others go to nobody: the root, and
// routes for a domain or a team, are meant for people.
func onlyWhereNamed(root *config.Route) (*config.Route, error) {
	none, err := labels.NewMatcher(labels.MatchEqual, "severity", "none")
	if err != nil {
		return nil, fmt.Errorf("route of alerts for nobody: %w", err)
	}
	c := whereNamed(root, "")
	if c == nil {
		c = &config.Route{Receiver: unaddressed}
	}
	c.Matchers = append(c.Matchers[:0:0], none)
	return c, nil
}

// whereNamed returns nil if nothing is left. A route that is left on the way to another keeps nothing for itself.
func whereNamed(r *config.Route, inherited string) *config.Route {
	if r.Receiver != "" {
		inherited = r.Receiver
	}
	c := *r
	if asksForNone(r) {
		c.Receiver = inherited
		return &c
	}
	c.Receiver, c.Routes = unaddressed, nil
	for _, child := range r.Routes {
		if kept := whereNamed(child, inherited); kept != nil {
			c.Routes = append(c.Routes, kept)
		}
	}
	if len(c.Routes) == 0 {
		return nil
	}
	return &c
}

func asksForNone(r *config.Route) bool {
	asks := func(name string, matches func(string) bool, positive bool) bool {
		return positive && (name == model.AlertNameLabel || name == "severity" && matches("none"))
	}
	for name, value := range r.Match {
		if asks(name, func(s string) bool { return s == value }, true) {
			return true
		}
	}
	for name, re := range r.MatchRE {
		if asks(name, re.MatchString, true) {
			return true
		}
	}
	return slices.ContainsFunc(r.Matchers, func(m *labels.Matcher) bool {
		return asks(m.Name, m.Matches, m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp)
	})
}

// watchdog is the alert of the default rules that always fires.
const watchdog = "Watchdog"

// ofPeople returns the receivers of routes for more than the watchdog and other alerts with severity="none": a dead man's
// switch takes whatever comes for a sign of life, and is told of nothing else.
func ofPeople(root *config.Route) map[string]bool {
	all := map[string]bool{}
	var walk func(r *config.Route, inherited string)
	walk = func(r *config.Route, inherited string) {
		if r.Receiver != "" {
			inherited = r.Receiver
		}
		if takesOnlyNone(r) {
			return
		}
		all[inherited] = true
		for _, child := range r.Routes {
			walk(child, inherited)
		}
	}
	walk(root, "")
	return all
}

func takesOnlyNone(r *config.Route) bool {
	only := func(name string, matches func(string) bool) bool {
		switch name {
		case model.AlertNameLabel:
			return matches(watchdog) && !matches(failing.AlertName) && !matches(watchdog+"s")
		case "severity":
			return matches("none") && !slices.ContainsFunc([]string{"", "info", "warning", "critical"}, matches)
		}
		return false
	}
	for name, value := range r.Match {
		if only(name, func(s string) bool { return s == value }) {
			return true
		}
	}
	for name, re := range r.MatchRE {
		if only(name, re.MatchString) {
			return true
		}
	}
	return slices.ContainsFunc(r.Matchers, func(m *labels.Matcher) bool { return only(m.Name, m.Matches) })
}

// toAll returns a route that takes the alert about a receiver that keeps failing to all receivers. The integration
// that it is about does not send it.
func toAll(root *config.Route, receivers []string) (*config.Route, error) {
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
	return first, nil
}
