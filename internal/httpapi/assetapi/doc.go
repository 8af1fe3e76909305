// Package assetapi shows assets over HTTP: where they stand, how they are by the
// hazards that are open, and the newest values of their series.
package assetapi
