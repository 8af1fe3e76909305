package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/demo"
)

type demoCmd struct {
	Duration    time.Duration   `help:"Stop after so long, such as 90s; without it, at Ctrl-C."`
	Listen      string          `default:"127.0.0.1:9400" placeholder:"HOST:PORT" help:"Listen here; port 0 stands for any free one."`
	ExternalURL string          `name:"external-url" placeholder:"URL" help:"The address under which people reach it, to which links of hazards lead; without it, --listen."`
	DataDir     string          `placeholder:"DIR" help:"Keep the data here; without it, they go to a temporary directory that is removed."`
	JSON        bool            `name:"json" help:"Print JSON lines: start, status, page, summary."`
	Language    config.Language `enum:"en,zh-CN," default:"" help:"Speak English (en) or Chinese (zh-CN); by default what LANG says."`
	Speed       float64         `default:"600" help:"How many times as fast as they were recorded the real data are played, 20 to 3600."`
	Scale       float64         `default:"0.15" help:"How large the simulated district is, 0.05 to 5; 1 makes about 100,000 series."`
	Past        bool            `default:"true" negatable:"" help:"Write a month of history first."`
	Insecure    bool            `help:"Serve everyone without tokens, also beyond this machine."`
}

// Help is shown by belfry demo --help.
func (*demoCmd) Help() string {
	return `
Starts a Belfry of its own on this machine and shows it at work: real data of car
parks and of the air beside a road are replayed into it over HTTP, together with
a simulated district of all that a city watches, in which hazards happen by a
script and cameras see things. The terminal shows how many readings are stored,
and each page as somebody on call would get it: what, where, which team, value
against limit, and the milliseconds from the reading to the page. The first comes
within seconds.

For walls there is a past as well, made in a new data directory before the start:
a day of readings, a week of some, and a month of hazards and of what cameras saw,
marked as simulated. Some hazards are not over. With --no-past it begins empty.

Examples:

  belfry demo
  belfry demo --duration 90s --json | jq -c 'select(.type == "page")'
  belfry demo --language zh-CN --listen 127.0.0.1:0
  belfry demo --scale 1                (some 10 s until the start, 0.7 GB)
  belfry demo --data-dir demo-data     (and then: belfry serve --data-dir demo-data)`
}

func (c *demoCmd) Run(ctx context.Context, g *globals) error {
	// Caught until the temporary directory is gone, however often they come.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// Whoever hangs up ends nothing; that nobody reads standard output is an error
	// of writing to it.
	signal.Ignore(syscall.SIGPIPE)
	o := demo.Options{
		Listen: c.Listen, ExternalURL: c.ExternalURL, Insecure: c.Insecure, DataDir: c.DataDir, Duration: c.Duration, Speed: c.Speed, Scale: c.Scale,
		NoPast:   !c.Past,
		Language: c.Language, JSON: c.JSON, Stdout: g.stdout, Stderr: g.stderr,
	}
	if o.Language == "" {
		o.Language = demo.LanguageOf(os.Getenv)
	}
	if fd, ok := terminalOf(g.stdout); ok && os.Getenv("TERM") != "dumb" {
		o.Colour = os.Getenv("NO_COLOR") == ""
		o.Width = func() int {
			width, _, err := term.GetSize(fd)
			if err != nil {
				return 0
			}
			return width
		}
	}
	return demo.Run(ctx, o)
}

// terminalOf returns the descriptor of a terminal.
func terminalOf(w io.Writer) (fd int, ok bool) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	return int(f.Fd()), term.IsTerminal(int(f.Fd()))
}
