// Package client asks a Belfry over HTTP: its Prometheus API and its own. Every
// answer is bounded in bytes, points and series, and every error says what is
// wrong and what to do about it.
package client
