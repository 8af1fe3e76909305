// Package grafana is the part of Grafana's classic dashboard model that Belfry's
// dashboards use, and the query model of Belfry's data source. Values are plain
// and are marshalled by encoding/json.
package grafana
