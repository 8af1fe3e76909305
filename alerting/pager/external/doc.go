// Package external pages through Alertmanagers that run elsewhere, instead of the embedded one.
//
// Each Alertmanager gets every alert: those of a cluster share what was notified, not the alerts themselves. Each has a
// queue of its own, which holds the newest state of each alert that it has not accepted yet and tries until it is
// accepted, critical alerts first. An alert that ends before an Alertmanager has heard of it is not told to that one.
// Queues are kept in memory: after a restart the rule evaluator sends all alerts again.
//
// Fleet.Handler serves Alertmanager's API from the first that answers, so that amtool and Grafana need not know.
package external
