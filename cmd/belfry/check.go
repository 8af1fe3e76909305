package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/belfry-city/belfry/internal/app/check"
)

type checkCmd struct {
	Files []string `arg:"" name:"file" help:"What to check: configurations, rule files, catalogs (YAML or CSV), pager configurations."`
}

// Help is shown by belfry check --help.
func (*checkCmd) Help() string {
	return `
What a file is, is told by its content. Of a configuration, everything that it
refers to is checked too. Each mistake is a line FILE:LINE: what is wrong, and
the exit code is 1 if there is any. Warnings do not count.

Examples:

  belfry check belfry.yml
  belfry check rules/*.yml catalog.yml bays.csv alertmanager.yml`
}

func (c *checkCmd) Run(ctx context.Context, g *globals) error {
	wrong := 0
	var out strings.Builder
	for _, file := range c.Files {
		r := check.File(ctx, file)
		for _, w := range r.Warnings {
			fmt.Fprintln(&out, w)
		}
		for _, f := range r.Findings {
			fmt.Fprintln(&out, f)
		}
		if r.OK() {
			fmt.Fprintf(&out, "%s: ok (%s)\n", file, r.Summary)
		} else {
			wrong++
		}
	}
	if _, err := io.WriteString(g.stdout, out.String()); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d files checked have mistakes", wrong, len(c.Files))
	}
	return nil
}
