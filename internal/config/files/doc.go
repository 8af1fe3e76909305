// Package files reads the files that a key of the configuration names by globs,
// or those that Belfry brings along instead.
package files
