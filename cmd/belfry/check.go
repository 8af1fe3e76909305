package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/internal/app/check"
)

type checkCmd struct {
	Files   []string          `arg:"" optional:"" name:"file" help:"What to check: configurations, rule files, catalogs (YAML or CSV), pager configurations."`
	Sample  string            `placeholder:"FILE" help:"Show what the configuration makes of this message; - reads it from the standard input."`
	Mapping string            `placeholder:"NAME" xor:"decoder" help:"Only this mapping of inputs.json."`
	Decoder string            `placeholder:"NAME" xor:"decoder" help:"Another input, such as chirpstack, tts or json/pump."`
	Topic   string            `help:"MQTT topic on which the sample came; what inputs.mqtt.topics has for it applies."`
	Label   map[string]string `placeholder:"NAME=VALUE" help:"What the URL or topic says about the sample, such as asset=W17."`
}

// Help is shown by belfry check --help.
func (*checkCmd) Help() string {
	return `
What a file is, is told by its content; one called belfry.yml is a configuration.
Of a configuration, everything that it refers to is checked too. Each mistake is
a line FILE:LINE: what is wrong, and the exit code is 1 if there is any. Warnings
do not count.

Examples:

  belfry check belfry.yml
  belfry check rules/*.yml detectors/*.yml catalog.yml bays.csv alertmanager.yml
  belfry check --sample message.json belfry.yml
  belfry check --sample uplink.json --decoder chirpstack belfry.yml`
}

// Validate says what is wrong with the command line.
func (c *checkCmd) Validate() error {
	switch {
	case c.Sample != "" && len(c.Files) > 1:
		return fmt.Errorf("want one configuration with --sample; got %d files", len(c.Files))
	case c.Sample != "":
		return nil
	case c.Mapping != "" || c.Decoder != "" || c.Topic != "" || len(c.Label) > 0:
		return errors.New("--mapping, --decoder, --topic and --label say how to look at a sample; want --sample FILE")
	case len(c.Files) == 0:
		return errors.New(`expected "<file> ..."`)
	}
	return nil
}

func (c *checkCmd) Run(ctx context.Context, g *globals) error {
	if c.Sample != "" {
		return c.look(g)
	}
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

// look shows what a configuration makes of a sample.
func (c *checkCmd) look(g *globals) error {
	path := ""
	if len(c.Files) == 1 {
		path = c.Files[0]
	}
	s := check.Sample{File: c.Sample, Stdin: os.Stdin, Decoder: c.Decoder, Topic: c.Topic, Now: time.Now()}
	if c.Mapping != "" {
		s.Decoder = "json/" + c.Mapping
	}
	for _, name := range slices.Sorted(maps.Keys(c.Label)) {
		if !input.LabelName(name) {
			return fmt.Errorf("--label %s: want the name of a label, such as asset", name)
		}
		s.Labels = append(s.Labels, input.Label{Name: name, Value: c.Label[name]})
	}
	screen, ok, err := check.Look(path, s)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(g.stdout, screen); err != nil {
		return err
	}
	if !ok {
		return errSample
	}
	return nil
}

var errSample = errors.New("not all of the sample is taken")
