package ruleset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

// Rule is an alerting or recording rule with its expression parsed.
type Rule struct {
	// Name is the alert's name, or the name of the recorded series.
	Name string
	// Alert tells an alerting rule from a recording rule.
	Alert bool
	Expr  parser.Expr
	// For is how long the expression has to hold before the alert fires.
	For time.Duration
	// Labels are the group's and the rule's, as upstream merges them; values may
	// be templates.
	Labels      map[string]string
	Annotations map[string]string
	// Line is where the rule begins, 1-based.
	Line int
}

// Group is a group of rules that are evaluated one after the other.
type Group struct {
	// File is where the group comes from, as in Set.Sources.
	File string
	Name string
	// Interval is 0 where the file leaves it to the default.
	Interval time.Duration
	Rules    []Rule
}

// Counts says how much a Set holds.
type Counts struct {
	Files, Groups, Alerts, Recordings int
}

// Set is a checked set of rule files. It never changes after Load and may be
// used by several goroutines.
type Set struct {
	sources  []string
	groups   []Group
	warnings []Problem
	upstream map[string]*rulefmt.RuleGroups
	exprs    map[string]parser.Expr
	parser   parser.Parser
}

var _ rules.GroupLoader = (*Set)(nil)

// Load reads and checks the rule files that the globs match, or, where no glob
// is given, every *.yml and *.yaml at the top of fallback (which may be nil).
// Relative globs start at the working directory. A glob that matches no file is
// an error.
//
// All mistakes in all files are reported at once, joined; each that lies in a
// file is a Problem. Where there is an error there is no Set.
func Load(globs []string, fallback fs.FS) (*Set, error) {
	files, err := readAll(globs, fallback)
	return newSet(files, err)
}

// LoadFiles is Load for paths that are meant as they are. loose lets keys
// pass that no rule file has.
func LoadFiles(paths []string, loose bool) (*Set, error) {
	var (
		files []*file
		errs  []error
	)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading a rule file: %w", err))
			continue
		}
		f := newFile(path, content)
		f.loose = loose
		files = append(files, f)
	}
	return newSet(files, errors.Join(errs...))
}

// newSet checks files; err is what was wrong with others.
func newSet(files []*file, err error) (*Set, error) {
	var errs []error
	if err != nil {
		errs = append(errs, err)
	}
	s := &Set{
		upstream: make(map[string]*rulefmt.RuleGroups, len(files)),
		exprs:    map[string]parser.Expr{},
		parser:   parser.NewParser(parser.Options{}),
	}
	for _, f := range files {
		groups, problems := f.check(s.parser)
		if len(problems) > 0 {
			errs = append(errs, join(problems))
			continue
		}
		if err := s.add(f, groups); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	s.warnings = append(s.warnings, repeated(s.groups)...)
	return s, nil
}

func (s *Set) add(f *file, groups *rulefmt.RuleGroups) error {
	s.sources = append(s.sources, f.name)
	s.upstream[f.name] = groups
	for i, g := range groups.Groups {
		group := Group{File: f.name, Name: g.Name, Interval: time.Duration(g.Interval)}
		for j, r := range g.Rules {
			expr, ok := s.exprs[r.Expr]
			if !ok {
				var err error
				if expr, err = s.parser.ParseExpr(r.Expr); err != nil {
					return fmt.Errorf("%s: parsing a checked expression again: %w", f.name, err)
				}
				s.exprs[r.Expr] = expr
			}
			group.Rules = append(group.Rules, Rule{
				Name:        r.Alert + r.Record,
				Alert:       r.Alert != "",
				Expr:        expr,
				For:         time.Duration(r.For),
				Labels:      rules.FromMaps(g.Labels, r.Labels).Map(),
				Annotations: r.Annotations,
				Line:        f.ruleLine(i, j),
			})
		}
		s.groups = append(s.groups, group)
		s.warnings = append(s.warnings, doubts(group)...)
	}
	s.warnings = append(s.warnings, f.doubts(groups)...)
	return nil
}

// Groups are in the order of the files. The caller must not change them.
func (s *Set) Groups() []Group { return s.groups }

// Sources names the files: paths as the globs gave them, or embedded:NAME.
func (s *Set) Sources() []string { return s.sources }

// Warnings are things that upstream accepts but that are hardly meant.
func (s *Set) Warnings() []Problem { return s.warnings }

// Counts counts files, groups and rules.
func (s *Set) Counts() Counts {
	c := Counts{Files: len(s.sources), Groups: len(s.groups)}
	for _, g := range s.groups {
		for _, r := range g.Rules {
			if r.Alert {
				c.Alerts++
			} else {
				c.Recordings++
			}
		}
	}
	return c
}

// Load implements upstream's rules.GroupLoader from what has been read already;
// identifier is one of Sources.
func (s *Set) Load(identifier string, _ bool, _ model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	groups, ok := s.upstream[identifier]
	if !ok {
		return nil, []error{fmt.Errorf("%s: not among the loaded rule files", identifier)}
	}
	return groups, nil
}

// ParseAnew parses an expression; the result is the caller's to change.
func (s *Set) ParseAnew(query string) (parser.Expr, error) { return s.parser.ParseExpr(query) }

// Parse implements upstream's rules.GroupLoader.
func (s *Set) Parse(query string) (parser.Expr, error) {
	if expr, ok := s.exprs[query]; ok {
		return expr, nil
	}
	return s.parser.ParseExpr(query)
}
