// Package filter says what a filter of several values finds: one of those that are
// wanted, and none of those that are not.
package filter
