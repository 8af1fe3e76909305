// Package params reads the parameters of what lists and follows things: filters
// of several values, times, limits. What is not known, or cannot be, is refused,
// because a misspelt filter would seem to find everything, or nothing.
package params
