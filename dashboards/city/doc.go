// Package city describes Belfry's dashboards: the wall, one for each domain, hazards
// and response times, any asset, and Belfry itself. Each panel has its words in both
// languages beside it, and its thresholds from the default rules.
package city
