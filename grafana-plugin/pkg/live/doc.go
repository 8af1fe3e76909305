// Package live sends what panels show again when it changes: it follows
// Belfry's stream, and asks the panel's query anew when the stream says so.
package live
