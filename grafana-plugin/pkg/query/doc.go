// Package query answers the queries of Grafana's panels, a file for each kind.
package query
