// Package scrape fetches metrics from targets, as Prometheus does: upstream's
// scraper and discovery (static, by file, by HTTP) with entries of upstream's
// own configuration. What they append goes through the intake.
package scrape
