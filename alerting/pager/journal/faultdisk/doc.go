// Package faultdisk is a disk in memory for tests of the journal: it fails when told to, holds syncs back, and
// loses power, keeping then only what was synced.
package faultdisk
