// Package presence tells which cameras are up, from their signs of life: it
// makes the series camera_up, and remembers the cameras over a restart.
package presence
