package board

import (
	"math"

	"github.com/belfry-city/belfry/dashboards/grafana"
	"github.com/belfry-city/belfry/dashboards/limit"
)

// The palette of Okabe and Ito, which the colour-blind can tell apart. Critical,
// warning and fine differ in brightness as well.
const (
	Critical = "#D55E00" // vermillion
	Warning  = "#F0E442" // yellow
	Info     = "#56B4E9" // sky blue
	Fine     = "#009E73" // bluish green
	Blue     = "#0072B2"
	Orange   = "#E69F00"
	Purple   = "#CC79A7"
	Unknown  = "#8E8E8E" // nothing is known
	Clear    = "transparent"
)

// Plain is one step for what no limit judges.
func Plain(colour string) []grafana.Step { return []grafana.Step{{Color: colour}} }

// From is Plain up to a value, and another colour from there on; more of them by turns.
func From(colour string, rest ...Rise) []grafana.Step {
	steps := Plain(colour)
	for _, r := range rest {
		steps = append(steps, grafana.Step{Color: r.Colour, Value: &r.At})
	}
	return steps
}

// Rise is where a colour begins.
type Rise struct {
	At     float64
	Colour string
}

// Steps colours by the bounds of rules. Grafana's steps begin at their value, where
// rules say "above"; the difference is one instant's exact limit.
func Steps(b limit.Bounds) []grafana.Step {
	below := b.Below
	if b.Either {
		below = limit.Levels{Info: -b.Above.Info, Warning: -b.Above.Warning, Critical: -b.Above.Critical}
	}
	// Upwards through the lower limits: each ends the colour of the severity that
	// begins beneath it.
	var rises []Rise
	colour := Fine
	lower := []Rise{{below.Critical, Critical}, {below.Warning, Warning}, {below.Info, Info}}
	var set []Rise
	for _, l := range lower {
		if !math.IsNaN(l.At) {
			set = append(set, l)
		}
	}
	for i, l := range set {
		if i == 0 {
			colour = l.Colour
		}
		next := Fine
		if i+1 < len(set) {
			next = set[i+1].Colour
		}
		rises = append(rises, Rise{l.At, next})
	}
	for _, u := range []Rise{{b.Above.Info, Info}, {b.Above.Warning, Warning}, {b.Above.Critical, Critical}} {
		if !math.IsNaN(u.At) {
			rises = append(rises, u)
		}
	}
	return From(colour, rises...)
}
