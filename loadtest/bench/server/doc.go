// Package server runs the databases that the benchmark compares, each as a
// process of its own in a fresh directory, and measures what they use. It reads
// /proc, so it works on Linux only.
package server
