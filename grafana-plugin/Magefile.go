//go:build mage

// Command mage builds the backend as the plugin SDK does; make plugin builds the archive.
package main

import (
	// mage:import
	build "github.com/grafana/grafana-plugin-sdk-go/build"
)

// Default builds the backend for all platforms.
var Default = build.BuildAll
