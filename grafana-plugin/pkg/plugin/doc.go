// Package plugin is what Grafana talks to: it reads a data source's settings
// and hands queries, resources and streams to those that answer them.
package plugin
