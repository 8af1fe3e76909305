// Package intake is the one door through which readings enter: it stores what
// an input has parsed, counts what was refused and why, and answers only when
// everything that was taken is on disk.
package intake
