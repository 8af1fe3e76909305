// Package capture takes what upstream's producers append, its scraper and its
// OTLP converter, and turns it into the points of a batch, so that it goes the
// way of all readings.
package capture
