// Package metricapi shows over HTTP which metrics there are, and what they mean.
package metricapi
