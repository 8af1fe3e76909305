package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	promodel "github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/alerting/backtest/history"
	"github.com/belfry-city/belfry/alerting/backtest/table"
	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/demo"
	"github.com/belfry-city/belfry/rules"
)

type backtestRulesCmd struct {
	Config string   `short:"c" placeholder:"FILE" help:"Configuration that names the data, the rules and the interval; without one they have their defaults."`
	Data   string   `placeholder:"DIR" help:"data_dir of a Belfry, which may be running, or a copy of it; or that of a Prometheus."`
	Rules  []string `placeholder:"GLOB" help:"Rule files instead of those of the configuration; may be given more than once."`
	Alert  []string `placeholder:"NAME" help:"Only these alerts, and what they need; may be given more than once."`

	From string         `placeholder:"TIME" default:"24h" help:"From when on: a time such as 2026-05-01T08:00:00+08:00 or '2026-05-01 08:00', or how long before the end."`
	To   string         `placeholder:"TIME" help:"Until when: a time, or how long ago; by default the newest reading."`
	Step *time.Duration `placeholder:"DURATION" help:"Evaluate all groups so often, such as 10s, instead of on their own intervals."`

	Timezone string          `placeholder:"ZONE" help:"Time zone of times, such as Asia/Shanghai; by default that of the configuration."`
	Output   string          `short:"o" enum:"table,csv,json" default:"table" help:"What to print: table, csv, or json, an object a line."`
	Quiet    bool            `short:"q" help:"Say nothing of how far it is, and nothing in sum."`
	Language config.Language `enum:"en,zh-CN," default:"" help:"Speak English (en) or Chinese (zh-CN); by default what LANG says."`
}

// Help is shown by belfry backtest rules --help.
func (*backtestRulesCmd) Help() string {
	return `
Evaluates rules over what is stored, and prints which alerts would have fired,
when, for how long, with which value and labels. Prometheus' own engine and rule
groups do it, so for, keep_firing_for, limits and recording rules mean what they
mean there; what the rules recorded at the time is not read, but recorded anew.
Without --rules, and without rules in the configuration, these are Belfry's own.

Groups are evaluated on their interval (evaluation_interval, 1s by default). A
running Belfry wakes rules by readings besides, so its pages may be earlier by
up to an interval; and between two instants it may see what is not seen here.
--step 10s is faster over long times, and blinder.

Nothing is written to the database, and Belfry may go on running.

Examples:

  belfry backtest rules --config belfry.yml --from 7d
  belfry backtest rules --data /var/lib/belfry --rules new.yml --alert WellNearlyFull \
    --from '2026-05-01 00:00' --to '2026-05-02 00:00' --timezone Asia/Shanghai
  belfry backtest rules --data copy --from 30d --step 15s --output csv > fired.csv
  belfry backtest rules --data copy --output json | jq .labels.asset`
}

// Validate says what is wrong with the command line.
func (c *backtestRulesCmd) Validate() error {
	if s := c.Step; s != nil && (*s <= 0 || *s%time.Millisecond != 0) {
		return fmt.Errorf("--step: want a duration of whole milliseconds such as 10s, or none for the intervals of the groups; got %s", *s)
	}
	return nil
}

func (c *backtestRulesCmd) Run(ctx context.Context, g *globals) error {
	cfg := config.Default()
	if c.Config != "" {
		var err error
		if cfg, err = config.Load(c.Config); err != nil {
			return err
		}
	}
	zone, language := cfg.Timezone, c.Language
	if c.Timezone != "" {
		var err error
		if zone, err = table.Zone(c.Timezone); err != nil {
			return err
		}
	}
	if language == "" {
		language = demo.LanguageOf(os.Getenv)
	}
	result, err := c.replay(ctx, g, cfg, zone)
	if err != nil {
		return err
	}
	switch c.Output {
	case "csv":
		err = result.WriteCSV(g.stdout, zone)
	case "json":
		err = result.WriteJSON(g.stdout, zone)
	default:
		return errors.Join(result.WriteTable(g.stdout, zone, language), result.Failed(zone))
	}
	if err == nil && !c.Quiet {
		err = result.WriteSummary(g.stderr, language)
	}
	return errors.Join(err, result.Failed(zone))
}

func (c *backtestRulesCmd) replay(ctx context.Context, g *globals, cfg *config.Config, zone *time.Location) (result *history.Result, err error) {
	globs, builtin := cfg.Rules, fs.FS(rules.FS)
	if len(c.Rules) > 0 {
		globs = c.Rules
	}
	if globs != nil {
		builtin = nil // a configuration may have none
	}
	set, err := ruleset.Load(globs, builtin)
	if err != nil {
		return nil, err
	}
	dir := cfg.DataDir
	if c.Data != "" {
		dir = c.Data
	}
	if dir, err = history.Find(dir); err != nil {
		return nil, err
	}
	db, err := history.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	o := history.Options{
		Set: set, Alerts: c.Alert, Interval: cfg.EvaluationInterval, MaxSamples: int(cfg.Query.MaxSamples), Lookback: cfg.Query.Lookback,
		Subquery: cfg.EvaluationInterval, ExternalLabels: cfg.ExternalLabels, ExternalURL: cfg.ExternalURL,
	}
	if c.Step != nil {
		o.Step = *c.Step
	}
	if o.From, o.To, err = c.span(db, zone); err != nil {
		return nil, err
	}
	if oldest, _, ok := db.Span(); ok {
		o.Oldest = time.UnixMilli(oldest)
	}
	if !c.Quiet {
		o.Progress = progress(g, zone)
	}
	return history.Replay(ctx, db, o)
}

// progress says how far it is, not too often.
func progress(g *globals, zone *time.Location) func(share float64, at time.Time, fired int) {
	const often = 5 * time.Second
	began := time.Now()
	told := began
	return func(share float64, at time.Time, fired int) {
		if time.Since(told) < often {
			return
		}
		told = time.Now()
		left := time.Duration(float64(time.Since(began)) * (1 - share) / max(share, 0.001))
		_, _ = fmt.Fprintf(g.stderr, "belfry: %2.0f %%, at %s; alerts so far: %d; about %s left\n", 100*share, at.In(zone).Format("2006-01-02 15:04:05"), fired, left.Round(time.Second))
	}
}

// span finds out from when to when rules are evaluated.
func (c *backtestRulesCmd) span(db *history.Database, zone *time.Location) (from, to time.Time, err error) {
	first, last, ok := db.Span()
	if !ok {
		return from, to, errors.New("--data: the database is empty")
	}
	to = time.UnixMilli(last).In(zone)
	if c.To != "" {
		if to, err = moment("--to", c.To, time.Now(), zone); err != nil {
			return from, to, err
		}
	}
	if from, err = moment("--from", c.From, to, zone); err != nil {
		return from, to, err
	}
	newest, oldest := time.UnixMilli(last).In(zone), time.UnixMilli(first).In(zone)
	switch {
	case c.To == "" && from.After(newest):
		return from, to, fmt.Errorf("--from: nothing is stored from %s on; there are readings from %s to %s", from.Format(time.RFC3339), oldest.Format(time.RFC3339), newest.Format(time.RFC3339))
	case from.After(to):
		return from, to, fmt.Errorf("--from: want a time before that of --to; got %s, and %s for --to", from.Format(time.RFC3339), to.Format(time.RFC3339))
	case from.After(newest) || to.Before(oldest):
		return from, to, fmt.Errorf("--from, --to: nothing is stored from %s to %s; there are readings from %s to %s",
			from.Format(time.RFC3339), to.Format(time.RFC3339), oldest.Format(time.RFC3339), newest.Format(time.RFC3339))
	}
	if from.Before(oldest) {
		from = oldest // before it nothing can fire but what is absent
	}
	return from, to, nil
}

// moment is a time, or how long before another.
func moment(flag, text string, before time.Time, zone *time.Location) (time.Time, error) {
	if ago, err := promodel.ParseDuration(strings.TrimPrefix(text, "-")); err == nil {
		return before.Add(-time.Duration(ago)), nil
	}
	if t, ok := table.Instant(text, zone); ok {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%s: want a time such as 2026-05-01T08:00:00+08:00 or '2026-05-01 08:00', or a duration such as 24h or 7d; got %q", flag, text)
}
