// Package remotewrite sends the city's readings as a Prometheus or a vmagent
// would, by remote write of version 1 or 2.
package remotewrite
