package main

import (
	"fmt"

	"github.com/belfry-city/belfry/internal/telemetry"
)

type versionCmd struct{}

func (*versionCmd) Run(g *globals) error {
	b := telemetry.ReadBuild()
	_, err := fmt.Fprintf(g.stdout, "belfry %s\nrevision %s\n%s %s\n", b.Version, b.Revision, b.GoVersion, b.Platform)
	return err
}
