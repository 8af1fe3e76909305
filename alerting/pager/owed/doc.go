// Package owed remembers which alerts are due to be told to whom, until they are told. What it remembers outlives the
// process (see package journal), so that an alert that ends while its receiver is down, or while Belfry is, is not
// forgotten.
package owed
