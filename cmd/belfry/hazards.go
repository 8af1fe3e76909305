package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"time"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/demo"
	"github.com/belfry-city/belfry/internal/hazardcli"
)

type hazardsCmd struct {
	List hazardsListCmd `cmd:"" help:"List hazards, those that were opened last first, or follow what happens to them."`
	Show hazardsShowCmd `cmd:"" help:"Show one hazard with its history."`
}

// belfryFlags say which Belfry is asked, and how it is shown.
type belfryFlags struct {
	URL      string          `default:"http://127.0.0.1:9400" env:"BELFRY_URL" help:"The Belfry to ask."`
	Token    string          `env:"BELFRY_TOKEN" help:"Token for it, with scope read."`
	JSON     bool            `name:"json" help:"Print JSON, one object a line."`
	Language config.Language `enum:"en,zh-CN," default:"" help:"Speak English (en) or Chinese (zh-CN); by default what LANG says."`
}

func (f *belfryFlags) options(g *globals, filter url.Values) hazardcli.Options {
	o := hazardcli.Options{
		URL: f.URL, Token: f.Token, JSON: f.JSON, Language: f.Language, Filter: filter, Out: g.stdout, Now: time.Now(),
	}
	if o.Language == "" {
		o.Language = demo.LanguageOf(os.Getenv)
	}
	return o
}

type hazardsListCmd struct {
	belfryFlags `embed:""`

	Status    []string `help:"Only those that are open or resolved. This and what follows may have several values, with commas, or be given more than once."`
	Severity  []string `help:"Only of these severities, such as critical."`
	Domain    []string `help:"Only of these domains, such as gas."`
	Team      []string `help:"Only of these teams, such as sanitation."`
	District  []string `help:"Only in these districts."`
	Street    []string `help:"Only in these streets."`
	Community []string `help:"Only in these communities."`
	Asset     []string `help:"Only of these assets."`
	Rule      []string `help:"Only of these rules."`
	Search    string   `placeholder:"TEXT" help:"Only with this text in id, asset, name, rule or summary."`
	Since     string   `placeholder:"TIME" help:"Only those opened since: how long ago, such as 24h or 7d, or a time such as 2026-05-01T08:00:00+08:00."`
	Limit     int      `default:"100" help:"How many at most."`
	Follow    bool     `short:"f" help:"Show what happens from now on, until Ctrl-C."`
}

// Help is shown by belfry hazards list --help.
func (*hazardsListCmd) Help() string {
	return `
Examples:

  belfry hazards list --status open
  belfry hazards list --team sanitation --since 24h --json | jq .url
  belfry hazards list --follow --severity critical
  belfry hazards list --url https://belfry.example.org --token bf_…`
}

// Validate says what is wrong with the command line.
func (c *hazardsListCmd) Validate() error {
	if c.Follow && (c.Since != "" || c.Search != "") {
		return errors.New("--follow shows what happens from now on; want it without --since and --search")
	}
	if c.Limit < 1 {
		return errors.New("--limit: want at least 1")
	}
	return nil
}

func (c *hazardsListCmd) Run(ctx context.Context, g *globals) error {
	filter := url.Values{}
	for name, values := range map[string][]string{
		"status": c.Status, "severity": c.Severity, "domain": c.Domain, "team": c.Team, "district": c.District,
		"street": c.Street, "community": c.Community, "asset": c.Asset, "rule": c.Rule,
	} {
		if len(values) > 0 {
			filter[name] = values
		}
	}
	o := c.options(g, filter)
	if c.Follow {
		return hazardcli.Follow(ctx, o)
	}
	if c.Search != "" {
		filter.Set("q", c.Search)
	}
	o.Since, o.Limit = c.Since, c.Limit
	return hazardcli.List(ctx, o)
}

type hazardsShowCmd struct {
	belfryFlags `embed:""`

	ID string `arg:"" name:"id" help:"Its id, as in a page; small letters will do, and the dash may be left out."`
}

func (c *hazardsShowCmd) Run(ctx context.Context, g *globals) error {
	return hazardcli.Show(ctx, c.options(g, nil), c.ID)
}
