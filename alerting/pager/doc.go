// Package pager is Alertmanager inside Belfry: upstream's own packages, wired as upstream's app does it.
//
// Alerts come by Send from the rule evaluator and by POST /api/v2/alerts from anyone else. Upstream's code routes,
// groups, inhibits, silences and repeats them, and its receivers send them out. The configuration file has
// upstream's format; without one an embedded file (default.yml) shows pages on the terminal and in the log.
//
// What differs from a stock Alertmanager:
//
//   - A silence is on disk before its answer leaves, and the log entry of a notification before the next
//     notification leaves (see package journal). Upstream writes both every fifteen minutes. When the disk is full,
//     pages go on going out and silences are refused with 503.
//   - Critical alerts leave without group wait: a group_wait holds for alerts with severity="critical" only where it
//     stands in a route that chooses by severity, or below one. Such alerts form groups of their own, and one that joins
//     a group leaves at once, not after group_interval (see package urgent). The configuration that `amtool config`
//     shows is the user's.
//   - What is due is told also when it has ended meanwhile (see package owed), and ends are told once.
//   - Alerts with severity="none" go only where a route asks for them by severity or alertname.
//   - A receiver that keeps failing raises an alert, which all others deliver (see package failing).
//   - The receiver named belfry-terminal needs no integration: it hands its pages to Options.Deliver.
//   - One node: no gossip, no cluster settings. The sections tracing and event_recorder of a configuration file are
//     read and not followed.
//   - The API answers no cross-origin request, so that no web page can silence alerts behind its reader's back.
package pager
