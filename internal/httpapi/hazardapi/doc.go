// Package hazardapi shows hazards over HTTP: as JSON, as a stream of events that
// can be resumed, and as pages for people, to which the links in pages lead. The
// stream may have the newest values of series as well.
package hazardapi
