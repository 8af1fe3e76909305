// Command fit has the model auto learn how to judge, from series that package trial makes, and writes what it learned to a
// file. It says how well it judges series of kinds that it did not learn from.
//
//	go run ./alerting/anomaly/fit --out alerting/anomaly/model/auto_judge.json
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/anomaly/trial"
)

// options are the flags.
type options struct {
	Out    string `help:"File to write what was learned to." type:"path" placeholder:"FILE"`
	From   string `help:"File of what was learned before, of which only limit, heat and rest are chosen anew." type:"existingfile" placeholder:"FILE"`
	Seeds  int    `help:"How many sets of series to learn from." default:"5"`
	Each   int    `help:"Series of each kind in a set." default:"4"`
	Hidden int    `help:"Units of the hidden layer." default:"12"`
	Epochs int    `help:"Times that all is learned from." default:"4"`
	Folds  int    `help:"Parts of the kinds for the cross-validation; 0 is none." default:"5"`
}

func main() {
	var o options
	k := kong.Parse(&o, kong.Name("fit"), kong.Description("Has the model auto learn how to judge, from series that are made, and says how well it does."))
	k.FatalIfErrorf(o.run(printer{os.Stdout}))
}

// printer says how it goes.
type printer struct{ w io.Writer }

func (p printer) say(format string, values ...any) {
	_, _ = fmt.Fprintf(p.w, format, values...) // what was learned is in a file
}

func (o *options) run(to printer) error {
	var all []*lesson
	for seed := range uint64(o.Seeds) { //nolint:gosec // it is small
		all = append(all, lessons(trial.Hard(seed+1, o.Each))...)
	}
	all = append(all, lessons(trial.Composed(1, o.Seeds*o.Each*composedPerSeries))...)
	to.say("%d series, %d rows of evidence\n", len(all), rows(all))
	if o.Folds > 0 {
		o.crossValidate(to, all)
	}
	const otherSeed, perSeries = 1001, 15
	others := append(lessons(trial.Hard(otherSeed, o.Each)), lessons(trial.Hard(otherSeed+1, o.Each))...)
	j, err := o.learn(all)
	if err != nil {
		return err
	}
	to.say("learned from: %s\n", show(tune(j, all)))
	to.say("other series: %s\n", show(judgeAll(j, others)))
	to.say("other series, each of a kind of its own: %s\n", show(judgeAll(j, lessons(trial.Composed(otherSeed, o.Seeds*o.Each*perSeries)))))
	limit := j.Limit
	for part := -1.; part <= 6; part++ {
		j.Limit = limit + part*j.Decade/4
		to.say("  at a score of %.2f, other series: %s\n", 1+part/4, show(judgeAll(j, others)))
	}
	j.Limit = limit
	if o.Out == "" {
		return nil
	}
	b, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("writing what was learned: %w", err)
	}
	return os.WriteFile(o.Out, append(b, '\n'), 0o644) //nolint:gosec // it is part of the source
}

// crossValidate judges series of kinds that were not learned from.
func (o *options) crossValidate(to printer, all []*lesson) {
	var total trial.Outcome
	kinds := kindsOf(all)
	for f := range o.Folds {
		held := func(l *lesson) bool { return l.kind != composedKind && slices.Index(kinds, l.kind)%o.Folds == f }
		teach, test := split(all, held)
		j := learn(teach, o.Hidden, o.Epochs)
		tune(j, teach)
		outcome := judgeAll(j, test)
		to.say("part %d: %s\n", f, show(outcome))
		total.Add(outcome)
	}
	to.say("kinds not learned from: %s\n", show(total))
}

func (o *options) learn(all []*lesson) (*model.Judge, error) {
	if o.From == "" {
		return learn(all, o.Hidden, o.Epochs), nil
	}
	b, err := os.ReadFile(o.From)
	if err != nil {
		return nil, fmt.Errorf("reading what was learned: %w", err)
	}
	j := &model.Judge{}
	if err := json.Unmarshal(b, j); err != nil {
		return nil, fmt.Errorf("reading what was learned from %s: %w", o.From, err)
	}
	return j, nil
}

func show(o trial.Outcome) string {
	return fmt.Sprintf("points %.1f, found %d of %d, false %d (one in %d samples)", o.Points(), o.Found, o.Windows, o.False, o.Samples/max(1, o.False))
}

func kindsOf(all []*lesson) (kinds []string) {
	for _, l := range all {
		if !slices.Contains(kinds, l.kind) {
			kinds = append(kinds, l.kind)
		}
	}
	return kinds
}

func split(all []*lesson, held func(*lesson) bool) (teach, test []*lesson) {
	for _, l := range all {
		if held(l) {
			test = append(test, l)
		} else {
			teach = append(teach, l)
		}
	}
	return teach, test
}

// lesson is a series, and the evidence of it.
type lesson struct {
	series trial.Series
	kind   string
	rows   []row
}

type row struct {
	evidence model.Evidence
	sample   int
	bucket   int
	// label is 1 in the beginning of an anomaly, 0 where there is none, -1 where nothing is to be learned.
	label  int8
	weight float64
	plain  float64
}

// composedPerSeries is how many series of kinds of their own there are to each of a kind of a set.
const (
	composedPerSeries = 40
	composedKind      = "composed"
)

// warmup is how many buckets nothing is judged of.
const warmup = 200

func lessons(series []trial.Series) (all []*lesson) {
	for _, s := range series {
		l := &lesson{series: s, kind: s.Name}
		if i := strings.IndexAny(s.Name, "0123456789"); i > 0 {
			l.kind = strings.TrimSpace(s.Name[:i])
		}
		learner := model.NewLearner()
		for i, v := range s.Values {
			e, bucket, some := learner.Add(s.Times[i], v)
			if some && bucket >= warmup {
				l.rows = append(l.rows, row{evidence: e, sample: i, bucket: bucket, label: label(s.Windows, i)})
			}
		}
		all = append(all, l)
	}
	return all
}

func label(windows []trial.Window, i int) int8 {
	for _, w := range windows {
		if i >= w.From && i < w.To {
			if i >= w.At && i < w.At+(w.To-w.From)*3/10 {
				return 1
			}
			return -1
		}
	}
	return 0
}

func rows(all []*lesson) (n int) {
	for _, l := range all {
		n += len(l.rows)
	}
	return n
}

func newRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) } //nolint:gosec // it is to be the same each time
