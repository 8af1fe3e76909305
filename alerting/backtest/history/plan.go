package history

import (
	"fmt"
	"slices"
	"strings"
	"time"

	promodel "github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"

	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/internal/config/strict"
)

// plan is what is to be evaluated.
type plan struct {
	groups []*groupPlan
	// made are the names of series that rules make, which are not read from the past.
	made map[string]bool
	// read is whether any rule reads one.
	read bool
}

type groupPlan struct {
	file     string
	def      rulefmt.RuleGroup
	interval time.Duration
	rules    []*rulePlan
	// early is how much earlier than asked for the evaluation has to begin for alerts to be what they would be.
	early time.Duration
}

type rulePlan struct {
	def    rulefmt.Rule
	labels labels.Labels
	line   int
	expr   parser.Expr
	reads  reads
}

// reads is what an expression reads.
type reads struct {
	names []string
	all   bool          // something without a name
	span  time.Duration // how far back
	fixed bool          // it depends on when a query begins or ends
}

func readsOf(expr parser.Expr) reads {
	var r reads
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		back := time.Duration(0)
		switch n := node.(type) {
		case *parser.VectorSelector:
			name := n.Name
			for _, m := range n.LabelMatchers {
				if m.Name == promodel.MetricNameLabel && m.Type == labels.MatchEqual {
					name = m.Value
				}
			}
			r.names = append(r.names, name)
			r.all = r.all || name == ""
			r.fixed = r.fixed || n.StartOrEnd != 0
			back = n.OriginalOffset
		case *parser.MatrixSelector:
			back = n.Range
		case *parser.SubqueryExpr:
			r.fixed = r.fixed || n.StartOrEnd != 0
			back = n.Range + n.OriginalOffset
		}
		r.span += max(back, 0)
		return nil
	})
	return r
}

// of tells whether an expression reads what a rule makes.
func (r *reads) of(o *rulePlan) bool {
	if r.all {
		return true
	}
	if o.def.Record != "" {
		return slices.Contains(r.names, o.def.Record)
	}
	return slices.Contains(r.names, "ALERTS") || slices.Contains(r.names, "ALERTS_FOR_STATE")
}

// newPlan chooses the rules: those of some alerts, "" for all, and what they read.
func newPlan(set *ruleset.Set, o Options) (*plan, error) {
	p := &plan{made: map[string]bool{}}
	for _, source := range set.Sources() {
		file, errs := set.Load(source, false, 0)
		if len(errs) > 0 {
			return nil, errs[0]
		}
		for _, def := range file.Groups {
			g := &groupPlan{file: source, def: def, interval: time.Duration(def.Interval)}
			if g.interval == 0 {
				g.interval = o.Interval
			}
			if o.Step > 0 {
				g.interval = o.Step
			}
			lines := linesOf(set, source, def.Name)
			for i, r := range def.Rules {
				expr, err := set.Parse(r.Expr)
				if err != nil {
					return nil, err
				}
				g.rules = append(g.rules, &rulePlan{def: r, labels: rules.FromMaps(def.Labels, r.Labels), line: lines[i], expr: expr, reads: readsOf(expr)})
			}
			p.groups = append(p.groups, g)
		}
	}
	if err := p.choose(o.Alerts); err != nil {
		return nil, err
	}
	p.measure()
	return p, nil
}

func linesOf(set *ruleset.Set, file, group string) []int {
	var lines []int
	for _, g := range set.Groups() {
		if g.File == file && g.Name == group {
			for _, r := range g.Rules {
				lines = append(lines, r.Line)
			}
		}
	}
	return lines
}

// choose leaves out what the alerts of some names do not need.
func (p *plan) choose(alerts []string) error {
	if len(alerts) == 0 {
		return nil
	}
	wanted := map[*rulePlan]bool{}
	var names, missing []string
	for _, g := range p.groups {
		for _, r := range g.rules {
			if r.def.Alert != "" {
				names = append(names, r.def.Alert)
			}
			if slices.Contains(alerts, r.def.Alert) {
				wanted[r] = true
			}
		}
	}
	for _, a := range alerts {
		if !slices.Contains(names, a) {
			hint := ""
			if near := strict.Nearest(a, names); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			missing = append(missing, fmt.Sprintf("--alert %s: no alert of the rules is called so%s", a, hint))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s", strings.Join(missing, "\n"))
	}
	for grown := true; grown; {
		grown = false
		for _, g := range p.groups {
			for _, r := range g.rules {
				if !wanted[r] && p.needed(r, wanted) {
					wanted[r], grown = true, true
				}
			}
		}
	}
	for _, g := range p.groups {
		g.rules = slices.DeleteFunc(g.rules, func(r *rulePlan) bool { return !wanted[r] })
	}
	p.groups = slices.DeleteFunc(p.groups, func(g *groupPlan) bool { return len(g.rules) == 0 })
	return nil
}

// needed tells whether a rule that is wanted reads what another makes.
func (p *plan) needed(r *rulePlan, wanted map[*rulePlan]bool) bool {
	for w := range wanted {
		if w.reads.of(r) {
			return true
		}
	}
	return false
}

// measure finds out what rules read of each other.
func (p *plan) measure() {
	p.made["ALERTS"], p.made["ALERTS_FOR_STATE"] = true, true
	for _, g := range p.groups {
		for _, r := range g.rules {
			if r.def.Record != "" {
				p.made[r.def.Record] = true
			}
		}
	}
	type one struct {
		*rulePlan
		group *groupPlan
		early time.Duration
	}
	var all []*one
	for _, g := range p.groups {
		for _, r := range g.rules {
			p.read = p.read || p.readsMade(r)
			all = append(all, &one{r, g, time.Duration(r.def.For) + time.Duration(r.def.KeepFiringFor)})
		}
	}
	// Rules that are read have to be there earlier still. Of rules that read each other there is no beginning.
	const deepest = 8
	for range deepest {
		for _, reader := range all {
			if !p.readsMade(reader.rulePlan) {
				continue
			}
			for _, r := range all {
				if reader.reads.of(r.rulePlan) {
					r.early = max(r.early, reader.early+reader.reads.span+reader.group.interval)
				}
			}
		}
	}
	for _, r := range all {
		r.group.early = max(r.group.early, r.early)
	}
}

// readsMade tells whether a rule reads what rules make.
func (p *plan) readsMade(r *rulePlan) bool {
	return r.reads.all || slices.ContainsFunc(r.reads.names, func(n string) bool { return p.made[n] })
}
