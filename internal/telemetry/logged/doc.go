// Package logged keeps what is logged, for tests that look at it.
package logged
