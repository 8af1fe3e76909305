// Package dashboards holds Belfry's Grafana dashboards in both languages and the
// provisioning files that give a Grafana the data source, the dashboards and the
// Alertmanager. The files are generated: change city, then run make dashboards.
package dashboards

//go:generate go run ./generate
