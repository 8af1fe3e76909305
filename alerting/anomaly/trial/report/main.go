// Command report tries the models of anomalies on series in which it is known what is wrong, and prints tables in Markdown.
// Run it from the root of the repository, by make trials.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

type options struct {
	Parts   []string `enum:"synthetic,faults,pump,cost" default:"synthetic,faults,pump,cost" help:"What to try: synthetic, faults, pump, cost."`
	Models  []string `placeholder:"NAME" help:"Models to try; all there are by default."`
	Seed    uint64   `default:"1001" help:"What faults and one of the synthetic corpora are drawn from; the other is of the next seed. The model auto learned from seeds 1 to 5."`
	Each    int      `default:"2" help:"Synthetic series of each kind."`
	Places  int      `default:"3" help:"Faults of one kind and size in each of the real series."`
	Air     string   `placeholder:"FILE" env:"BELFRY_AIR_QUALITY" help:"Air Quality of UCI, the whole of it; by default eight weeks that are in the repository."`
	Parking string   `placeholder:"FILE" env:"BELFRY_PARKING" help:"Car parks of Aarhus, all of them; by default four weeks of two that are in the repository."`
	Skab    string   `placeholder:"DIR" env:"BELFRY_SKAB" help:"The data folder of SKAB 0.9, which the repository may not have; without it, it is left out."`
}

func main() {
	var o options
	parser := kong.Parse(&o, kong.Name("report"), kong.Description("Tries the models of anomalies, and prints how well they do."))
	parser.FatalIfErrorf(o.run(os.Stdout))
}

// part is one of the report.
type part struct {
	name  string
	print func(w io.Writer, kinds []model.Kind) error
}

func (o *options) run(w io.Writer) error {
	kinds, err := chosen(model.Kinds(), o.Models)
	if err != nil {
		return err
	}
	for _, p := range []part{{"synthetic", o.synthetic}, {"faults", o.faults}, {"pump", o.pump}, {"cost", cost}} {
		if !slices.Contains(o.Parts, p.name) {
			continue
		}
		if err := p.print(w, kinds); err != nil {
			return err
		}
	}
	return nil
}

// chosen are the kinds of these names, in the order of kinds, and all where there are no names.
func chosen(kinds []model.Kind, names []string) (some []model.Kind, err error) {
	var known []string
	for _, k := range kinds {
		known = append(known, k.Name)
		if len(names) == 0 || slices.Contains(names, k.Name) {
			some = append(some, k)
		}
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, fmt.Errorf("--models: there is no model %q; there are %s", n, strings.Join(known, ", "))
		}
	}
	return some, nil
}

// single are the kinds that watch one series.
func single(kinds []model.Kind) (some []model.Kind) {
	for _, k := range kinds {
		if !k.Joint {
			some = append(some, k)
		}
	}
	return some
}
