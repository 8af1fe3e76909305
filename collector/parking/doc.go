// Package parking keeps track of bays and car parks: since when a bay is taken,
// how long each stay was, how full a car park is, and where a bay's sensor and a
// handheld disagree. It derives all of that from readings on their way into the
// store, and finds its place again in the store after a restart.
package parking
