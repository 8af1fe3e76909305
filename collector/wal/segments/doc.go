// Package segments knows the files of a write-ahead log: how upstream names
// segments and checkpoints, and which of them a directory has.
package segments
