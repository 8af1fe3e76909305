// Package prom asks a server questions through the Prometheus HTTP API.
package prom
