// Package app builds one Belfry out of a configuration, runs it, reloads it and
// shuts it down in the reverse order.
package app
