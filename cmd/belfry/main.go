// Command belfry watches a city's readings and rings people when one matters.
package main

import "github.com/alecthomas/kong"

type commands struct {
	Loadtest loadtestCmd `cmd:"" help:"Send the readings of a simulated city to a server and measure it."`
}

func main() {
	var c commands
	k := kong.Parse(&c, kong.Name("belfry"), kong.UsageOnError())
	k.FatalIfErrorf(k.Run())
}
