// Package limit reads from rule files where a metric becomes a warning and where
// it becomes critical, so that dashboards colour by the same figures that page.
package limit
