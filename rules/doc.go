// Package rules holds the default rule files, one for each domain, which Belfry
// uses where the configuration names none. They are ordinary Prometheus rule
// files; tests/ holds their unit tests in promtool's format.
package rules
