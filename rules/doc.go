// Package rules holds the default rule files, one for each domain, which Belfry
// uses where the configuration names none. They are ordinary Prometheus rule
// files; tests/ holds their unit tests in promtool's format. The annotation
// runbook_url of each alert leads to docs/runbooks.
//
// The label quantity of an alert names the metric that it judges. The pager's
// default configuration lets a critical alert inhibit the warnings of its asset
// and quantity, so an alert about the opposite hazard of a metric (too much
// instead of too little) has none. Nor have those about what cameras see: all
// kinds are one metric, but each is a hazard of its own.
//
// anomaly.yml judges what models find unusual; detectors/ has the detector files
// whose scores it reads, which are used where the configuration names none.
//
// belfry.yml has the one alert that is about Belfry itself and always fires.
//
// Alerts get their team from the catalog, by their asset. Those about what
// cameras see have the label team: the kind's, not that of the camera.
package rules
