package response

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/belfry-city/belfry/alerting/hazard"
)

// Again is within how long after a hazard another one of the same asset and rule is
// a repeat.
const Again = 30 * 24 * time.Hour

// ages bound the classes of open hazards by age, in milliseconds; older ones are the
// last class.
func ages() [6]int64 {
	const hour = 3_600_000
	return [...]int64{hour, 4 * hour, 24 * hour, 3 * 24 * hour, 7 * 24 * hour, 30 * 24 * hour}
}

// Options of a Tally.
type Options struct {
	// From and To are the time that is looked at, in milliseconds; To is exclusive.
	From, To int64
	// Step, in milliseconds, divides it for counts over time; 0: there are none. The
	// last one may be shorter.
	Step int64
}

// Steps is how many there are.
func (o Options) Steps() int {
	if o.Step <= 0 || o.To <= o.From {
		return 0
	}
	return int((o.To - o.From + o.Step - 1) / o.Step)
}

// Tally is what is counted so far. It is not safe for concurrent use.
type Tally struct {
	opts   Options
	ages   [6]int64
	groups map[string]*Group
	key    []byte
}

// Group is what was counted of the hazards with the same values.
type Group struct {
	Values []string
	// Opened, Resolved are within the time that is looked at. Reopened is how many
	// times those that were opened then came back, Repeats how many of them had one
	// before within Again. Open is at the end.
	Opened, Resolved, Open, Reopened, Repeats int
	// Ages are how many of Open are how old, by Ages.
	Ages [7]int
	// ToResolve are of those that are counted in Resolved, from the first opening to
	// the end; ToPage of those in Opened of which there was a page, from the reading
	// that broke the limit, or else from the opening.
	ToResolve, ToPage *Durations
	// Counts are by step; nil: there are none.
	Counts *Counts

	resolve, page []int64
	// change is by how much the number of open ones changes in a step.
	change []int
	before int
}

// Counts are by step; Open is at its end.
type Counts struct {
	Opened   []int `json:"opened"`
	Resolved []int `json:"resolved"`
	Open     []int `json:"open"`
}

// Durations are in seconds.
type Durations struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	Mean  float64 `json:"mean"`
	Max   float64 `json:"max"`
}

// New is an empty Tally.
func New(o Options) *Tally { return &Tally{opts: o, ages: ages(), groups: map[string]*Group{}} }

// AgeBounds are the upper bounds of the classes of age, in seconds; the last class,
// which has none, is not there.
func AgeBounds() (seconds []float64) {
	for _, a := range ages() {
		seconds = append(seconds, float64(a)/1000)
	}
	return seconds
}

// Add counts a hazard.
func (t *Tally) Add(s *hazard.Span) {
	from, to := t.opts.From, t.opts.To
	opened, resolved := int64(s.Opened), int64(s.Resolved)
	g := t.group(s.Group)
	if opened >= from && opened < to {
		g.Opened++
		g.Reopened += s.Reopened
		if s.Previous != 0 && opened-int64(s.Previous) <= Again.Milliseconds() {
			g.Repeats++
		}
		if s.Paged != 0 {
			g.page = append(g.page, max(int64(s.Paged)-int64(cmp.Or(s.Reading, s.Opened)), 0))
		}
	}
	if resolved >= from && resolved < to && resolved != 0 {
		g.Resolved++
		g.resolve = append(g.resolve, max(resolved-opened, 0))
	}
	if resolved == 0 || resolved >= to {
		g.Open++
		age, _ := slices.BinarySearch(t.ages[:], to-opened)
		g.Ages[age]++
	}
	t.step(g, opened, resolved)
}

// step counts a hazard over time.
func (t *Tally) step(g *Group, opened, resolved int64) {
	if g.Counts == nil {
		return
	}
	if opened < t.opts.From {
		g.before++
	} else if i := int((opened - t.opts.From) / t.opts.Step); i < len(g.change) {
		g.change[i]++
		g.Counts.Opened[i]++
	}
	if resolved < t.opts.From {
		return // it is open
	}
	if i := int((resolved - t.opts.From) / t.opts.Step); i < len(g.change) && resolved < t.opts.To {
		g.change[i]--
		g.Counts.Resolved[i]++
	}
}

func (t *Tally) group(values []string) *Group {
	t.key = t.key[:0]
	for _, v := range values {
		t.key = append(append(t.key, v...), 0)
	}
	if g, ok := t.groups[string(t.key)]; ok {
		return g
	}
	g := &Group{Values: slices.Clone(values)}
	if n := t.opts.Steps(); n > 0 {
		g.change = make([]int, n)
		g.Counts = &Counts{make([]int, n), make([]int, n), make([]int, n)}
	}
	t.groups[string(t.key)] = g
	return g
}

// Len is how many groups there are.
func (t *Tally) Len() int { return len(t.groups) }

// Groups are the groups, by their values. It is called once.
func (t *Tally) Groups() []*Group {
	all := make([]*Group, 0, len(t.groups))
	for _, g := range t.groups {
		g.ToResolve, g.ToPage = durations(g.resolve), durations(g.page)
		g.resolve, g.page = nil, nil
		open := g.before
		for i, change := range g.change {
			open += change
			g.Counts.Open[i] = open
		}
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *Group) int { return slices.CompareFunc(a.Values, b.Values, strings.Compare) })
	return all
}

// durations are nil where there are none. Percentiles are the nearest rank.
func durations(ms []int64) *Durations {
	if len(ms) == 0 {
		return nil
	}
	slices.Sort(ms)
	sum := 0.0
	for _, v := range ms {
		sum += float64(v)
	}
	rank := func(percent int) float64 { return float64(ms[(len(ms)*percent+99)/100-1]) / 1000 }
	return &Durations{len(ms), rank(50), rank(90), sum / float64(len(ms)) / 1000, float64(ms[len(ms)-1]) / 1000}
}
