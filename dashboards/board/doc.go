// Package board renders a dashboard that is described once, with its words in both
// languages beside each panel, as Grafana's JSON in either language. It decides what
// all dashboards have in common: colours, layout, variables, what stands where there
// is nothing to show.
package board
