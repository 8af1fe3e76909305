// Package event keeps what cameras and people reported, to be looked at: in
// SQLite, on disk before it is acknowledged, each event once however many
// messages there are of it, and for as long as is configured.
package event
