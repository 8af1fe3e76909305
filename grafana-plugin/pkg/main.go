// Command gpx_belfry_cityops is the backend of the Grafana data source for Belfry. Grafana starts it.
package main

import (
	"os"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/plugin"
)

func main() { os.Exit(plugin.Serve()) }
