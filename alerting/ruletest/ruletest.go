package ruletest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
	"golang.org/x/sync/errgroup"

	"github.com/belfry-city/belfry/alerting/ruleset"
)

// Options say which tests are run, and how.
type Options struct {
	// Run chooses tests by their names; nil takes all.
	Run *regexp.Regexp
	// IgnoreUnknown lets keys of rule files pass that no rule file has.
	IgnoreUnknown bool
	// Debug keeps in Test.Debug what each test stored.
	Debug bool
}

// Report is what the tests of one file showed.
type Report struct {
	File string
	// Mistakes is why no test was run: the file, or a rule file, is wrong. It may
	// be several errors, joined.
	Mistakes error
	// Warnings are what can hardly be meant, as file:line: warning: text.
	Warnings []string
	// Tests are those that were run.
	Tests []Test
}

// Test is what one test showed.
type Test struct {
	Name string
	// Checks counts the alerts and expressions that were looked at.
	Checks int
	// Failures are what was not as expected, as file:line: text; further lines
	// are indented.
	Failures []string
	// Debug lists the series of the test with their samples, if that is wanted.
	Debug string
}

// OK reports whether all is as it should be.
func (r Report) OK() bool {
	return r.Mistakes == nil && !slices.ContainsFunc(r.Tests, func(t Test) bool { return len(t.Failures) > 0 })
}

// Files runs the tests of several files, some at the same time. The reports
// are in the order of the files.
func Files(ctx context.Context, paths []string, o Options) []Report {
	reports := make([]Report, len(paths))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		g.Go(func() error {
			reports[i] = File(ctx, path, o)
			return nil
		})
	}
	_ = g.Wait()
	return reports
}

// File runs the tests of a file. Where ctx ends, the tests that are left fail
// with its error.
func File(ctx context.Context, path string, o Options) Report {
	r := Report{File: path}
	f, chosen, set := r.prepare(o)
	if set == nil {
		return r
	}
	s := suite{file: path, set: set, parser: parser.NewParser(parser.Options{}), step: f.interval, order: f.order, fuzzy: f.fuzzy, debug: o.Debug}
	for i := range chosen {
		r.Tests = append(r.Tests, s.run(ctx, &chosen[i]))
	}
	return r
}

// Check is File without running anything; tests is how many there are.
func Check(path string) (r Report, tests int) {
	r.File = path
	_, chosen, _ := r.prepare(Options{})
	return r, len(chosen)
}

// prepare reads the file and the rules that it names. Without a set there is
// nothing to run.
func (r *Report) prepare(o Options) (f *file, chosen []test, set *ruleset.Set) {
	if f, r.Mistakes = read(r.File); r.Mistakes != nil {
		return nil, nil, nil
	}
	if len(f.tests) == 0 {
		r.warn(1, "the file has no tests; add them under tests:")
	}
	chosen = f.tests
	if o.Run != nil {
		chosen = slices.DeleteFunc(slices.Clone(f.tests), func(t test) bool { return !o.Run.MatchString(t.name) })
	}
	if len(chosen) == 0 {
		return f, nil, nil
	}
	var paths []string
	if paths, r.Mistakes = r.find(f.ruleFiles); r.Mistakes != nil {
		return f, nil, nil
	}
	if set, r.Mistakes = ruleset.LoadFiles(paths, o.IgnoreUnknown); r.Mistakes != nil {
		return f, nil, nil
	}
	r.doubt(f, chosen, set)
	return f, chosen, set
}

// find lists the rule files that the patterns match, seen from the test file.
func (r *Report) find(patterns []located) ([]string, error) {
	var (
		paths []string
		errs  []error
	)
	for _, p := range patterns {
		pattern := p.text
		if pattern != "" && !filepath.IsAbs(pattern) {
			pattern = filepath.Join(filepath.Dir(r.File), pattern)
		}
		found, err := filepath.Glob(pattern)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: rule_files: %q is no glob: %w; write a path such as ../rules/*.yml", r.File, p.line, p.text, err))
			continue
		}
		if len(found) == 0 {
			r.warn(p.line, "rule_files: no file matches %q; paths start at the directory of the test file", p.text)
		}
		for _, path := range found {
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths, errors.Join(errs...)
}

// doubt looks for names that nothing has, for which a test would pass that
// shows nothing.
func (r *Report) doubt(f *file, chosen []test, set *ruleset.Set) {
	groups, alerts := map[string]bool{}, map[string]bool{}
	for _, g := range set.Groups() {
		groups[g.Name] = true
		for _, rule := range g.Rules {
			if rule.Alert {
				alerts[rule.Name] = true
			}
		}
	}
	for _, name := range f.order {
		if !groups[name.text] {
			r.warn(name.line, "group_eval_order: no group is called %q", name.text)
		}
	}
	for _, t := range chosen {
		for _, a := range t.alerts {
			if len(a.expected) == 0 && a.name != "" && !alerts[a.name] {
				r.warn(a.line, "test %q: no alert of the rule files is called %q, so that none can fire", t.name, a.name)
			}
		}
	}
}

func (r *Report) warn(line int, format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf("%s:%d: warning: ", r.File, line)+fmt.Sprintf(format, args...))
}

func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
