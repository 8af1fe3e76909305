// Package liveness notices which devices are alive.
//
// A device is an asset from which readings come, or of which the catalog says
// how often they should. It is silent when its time is up: a few times its
// expected interval after the last sign of life, which is a reading newer than
// any before. The interval is the catalog's, or what the device itself has
// shown (rhythm). Time in which Belfry could not hear does not count against
// anybody.
//
// What is known becomes two ordinary series of each device. Each device has a
// timer, so that it is silent at the millisecond, and not when somebody looks.
package liveness
