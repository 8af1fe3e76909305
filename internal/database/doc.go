// Package database opens SQLite files as Belfry keeps them: a connection that
// writes and some that read, in WAL mode, of a schema with a version. It tells
// damage from other faults, and sets a damaged file aside.
// It also puts the conditions of queries together.
package database
