// Package machine says what a benchmark was run on.
package machine
