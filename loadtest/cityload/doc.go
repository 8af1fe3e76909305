// Package cityload is the load test of the simulated city: it puts city,
// protocol, schedule, verification and report together.
package cityload
