package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/belfry-city/belfry/alerting/ruletest"
)

type testCmd struct {
	Files         []string `arg:"" name:"file" help:"Files of tests, or directories in which to look for them."`
	Only          []string `name:"run" placeholder:"REGEXP" sep:"none" help:"Only tests whose name matches; may be given several times."`
	JUnit         string   `name:"junit" placeholder:"FILE" help:"Write the results as JUnit XML as well."`
	Debug         bool     `help:"Show the series of each test, given and made by rules."`
	IgnoreUnknown bool     `name:"ignore-unknown-fields" help:"Let keys of rule files pass that no rule file has."`

	chosen *regexp.Regexp
}

// Help is shown by belfry test --help.
func (*testCmd) Help() string {
	return `
Runs unit tests of rules, in the format of promtool test rules and with its
verdict. For wells.yml with the alert WellNearlyFull, wells_test.yml may be:

  rule_files: [wells.yml]         # seen from here; may have *
  evaluation_interval: 15s
  tests:
    - name: a well fills up
      interval: 15s               # between two values
      input_series:
        - {series: 'well_level_m{asset="W17"}', values: "2.4 2.6x10"}
      alert_rule_test:
        - {eval_time: 1m, alertname: WellNearlyFull}     # not yet
        - eval_time: 2m
          alertname: WellNearlyFull
          exp_alerts:
            - exp_labels: {asset: W17, severity: warning, domain: drainage}
              exp_annotations: {summary: "W17 is nearly full: 2.6 m"}
      promql_expr_test:
        - expr: max(well_level_m)
          eval_time: 1m
          exp_samples: [{labels: '{}', value: 2.6}]

What is not as expected is a line FILE:LINE: test "NAME": … with the difference
below it; the exit code is 1 if there is any.

Examples:

  belfry test wells_test.yml
  belfry test rules/tests
  belfry test --run 'fills up' --debug wells_test.yml
  belfry test --junit results.xml rules/tests`
}

// Validate says what is wrong with the command line.
func (c *testCmd) Validate() error {
	for _, text := range c.Only {
		if _, err := regexp.Compile(text); err != nil {
			return fmt.Errorf("--run: want a regular expression: %w", err)
		}
	}
	if len(c.Only) > 0 {
		c.chosen = regexp.MustCompile(strings.Join(c.Only, "|"))
	}
	return nil
}

func (c *testCmd) Run(ctx context.Context, g *globals) error {
	files, err := ruletest.Find(c.Files)
	if err != nil {
		return err
	}
	reports := ruletest.Files(ctx, files, ruletest.Options{Run: c.chosen, Debug: c.Debug, IgnoreUnknown: c.IgnoreUnknown})
	failed := ruletest.WriteText(g.stdout, reports)
	if c.JUnit != "" {
		if err := c.writeJUnit(reports); err != nil {
			return err
		}
	}
	return failed
}

func (c *testCmd) writeJUnit(reports []ruletest.Report) error {
	file, err := os.Create(c.JUnit)
	if err != nil {
		return fmt.Errorf("--junit: %w", err)
	}
	err = ruletest.WriteJUnit(file, reports, time.Now())
	return errors.Join(err, file.Close())
}
