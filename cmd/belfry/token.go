package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/httpapi/access"
)

type tokenCmd struct {
	New tokenNewCmd `cmd:"" help:"Make a new token and print it, with the lines for the configuration."`
}

type tokenNewCmd struct {
	Name  string   `default:"belfry" help:"Whose token it is, such as telegraf or grafana: it tells tokens apart in the configuration and in the log."`
	Scope []string `default:"write,read" enum:"write,read,admin" help:"What it allows: write (send readings), read (query, look at alerts), admin (silence, reload, and the others). May be given more than once."`
	JSON  bool     `name:"json" help:"Print one JSON object: name, token, hash, scopes."`
}

// Help is shown by belfry token new --help.
func (*tokenNewCmd) Help() string {
	return `
The token is shown once and stored nowhere: the configuration needs only its
hash. Clients of InfluxDB, Prometheus and Alertmanager send it as their token,
bearer token, or password.

Examples:

  belfry token new --name telegraf --scope write
  belfry token new --name grafana --scope read --scope admin`
}

// Validate is called by the parser of the command line.
func (c *tokenNewCmd) Validate() error {
	if strings.TrimSpace(c.Name) == "" {
		return fmt.Errorf("--name must say whose token it is, such as telegraf; got %q", c.Name)
	}
	return nil
}

func (c *tokenNewCmd) Run(g *globals) error {
	secret, hash := access.NewToken()
	written := config.FormatHash(hash)
	if c.JSON {
		return json.NewEncoder(g.stdout).Encode(struct {
			Name   string   `json:"name"`
			Token  string   `json:"token"`
			Hash   string   `json:"hash"`
			Scopes []string `json:"scopes"`
		}{c.Name, secret, written, c.Scope})
	}
	_, err := fmt.Fprintf(g.stdout, `token: %s

Give the token to the client; it is shown only now. Put its hash into the
configuration, and reload or restart Belfry:

auth:
  tokens:
    - name: %s
      hash: %s
      scopes: [%s]
`, secret, strconv.Quote(c.Name), written, strings.Join(c.Scope, ", "))
	return err
}
