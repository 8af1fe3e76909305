// Command belfry watches a city's readings and rings people when one matters.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

const description = `Watches a city's bridges, tunnels, wells, cameras and parking bays, and rings
on-call people within about a second of the reading that matters.

  belfry demo                        see it work, within a minute
  belfry serve                       use it; every setting has a default
  belfry serve --config belfry.yml   use it as you want it
  belfry check belfry.yml            is the file, and what it refers to, right?
  belfry test rules/tests            do the rules do what their tests say?
  belfry backtest rules --from 7d    what would have fired in the last week?`

// commands are all subcommands; each is a file of its own.
type commands struct {
	Serve    serveCmd    `cmd:"" help:"Take readings, evaluate rules, send pages."`
	Demo     demoCmd     `cmd:"" help:"See it work: real and simulated readings go in, pages come out."`
	Check    checkCmd    `cmd:"" help:"Check configurations, rules, detectors, catalogs and pager configurations without starting."`
	Test     testCmd     `cmd:"" help:"Run unit tests of rules, in promtool's format."`
	Hazards  hazardsCmd  `cmd:"" help:"Ask a running Belfry what alerts have become."`
	Backtest backtestCmd `cmd:"" help:"Let detectors and rules see what is past: what would have been found, what would have fired?"`
	Token    tokenCmd    `cmd:"" help:"Make a token for a client."`
	Loadtest loadtestCmd `cmd:"" help:"Send the readings of a simulated city to a server and measure it."`
	Version  versionCmd  `cmd:"" help:"Say what this binary was built from."`
}

// globals is what every command may use; a command's Run may also ask for a
// context.Context, which ends on SIGINT and SIGTERM.
type globals struct {
	stdout, stderr io.Writer
	kinds          []model.Kind // of models of detectors
}

// Exit codes besides 0.
const (
	exitFailed = 1
	exitUsage  = 2 // the command line makes no sense
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Whoever signals twice does not want to wait for the end.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], &globals{stdout: os.Stdout, stderr: os.Stderr, kinds: model.Kinds()})
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, g *globals) int {
	var c commands
	parser := kong.Must(&c,
		kong.Name("belfry"),
		kong.Description(description),
		kong.Writers(g.stdout, g.stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(g),
	)
	if len(args) == 0 {
		_, _ = parser.Parse([]string{"--help"}) // exits
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		complain(g.stderr, err)
		_, _ = fmt.Fprintln(g.stderr, "belfry: belfry --help says more")
		return exitUsage
	}
	if err := chosen.Run(); err != nil {
		complain(g.stderr, err)
		return exitFailed
	}
	return 0
}

// complain puts the program's name in front of each line.
func complain(w io.Writer, err error) {
	for line := range strings.Lines(err.Error()) {
		_, _ = fmt.Fprintf(w, "belfry: %s\n", strings.TrimSuffix(line, "\n"))
	}
}
