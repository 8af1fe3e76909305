package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/VictoriaMetrics/metrics"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/alerting/ruletest"
	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/internal/app"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/config/strict"
	"github.com/belfry-city/belfry/rules"
)

// Report is what was found out about one file.
type Report struct {
	// Summary says what the file is and how much it holds; empty when something
	// in it is wrong.
	Summary string
	// Findings are what is wrong, each `file:line: message`. They are about the
	// file or about one that it refers to.
	Findings []string
	// Warnings, in the same form, are what is allowed but hardly meant.
	Warnings []string
}

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return len(r.Findings) == 0 }

// File checks one file. ctx bounds the looking up of host names.
func File(ctx context.Context, path string) Report {
	data, err := os.ReadFile(path)
	if err != nil {
		return Report{Findings: []string{fmt.Sprintf("%s: want a file that can be read: %v", path, reason(err))}}
	}
	r := &Report{}
	switch kindOf(path, data) {
	case ruleTests:
		tested, n := ruletest.Check(path)
		r.Warnings = append(r.Warnings, tested.Warnings...)
		if r.take(path, tested.Mistakes) {
			r.Summary = "tests of rules; " + count(n, "test") + ", run by belfry test"
		}
	case ruleFile:
		if set, err := ruleset.Load([]string{config.LiteralGlob(path)}, nil); r.take(path, err) {
			r.warn(set)
			n := set.Counts()
			r.Summary = "rules; " + join(count(n.Groups, "group"), count(n.Alerts+n.Recordings, "rule"))
		}
	case detectorFile:
		if set, err := detector.Load([]string{config.LiteralGlob(path)}, nil, model.Kinds(), nil); r.take(path, err) {
			r.Summary = "detectors; " + count(len(set.Detectors()), "detector") + ", run where a configuration names the file"
		}
	case catalogFile:
		if c, err := catalog.Load([]string{path}); r.take(path, err) {
			r.Summary = "catalog; " + count(c.Len(), "asset")
		}
	case pagerFile:
		if r.take(path, pager.Check(path)) {
			r.Summary = "pager"
		}
	case configuration:
		r.configuration(ctx, path, data)
	}
	return *r
}

// configuration checks the file and all that it refers to, as far as that could
// be read.
func (r *Report) configuration(ctx context.Context, path string, data []byte) {
	c, err := config.ParsePartly(path, data)
	if well := r.take(path, err); well {
		r.take(path, c.CheckExposure(ctx)) // with a mistake in them, tokens would seem to be missing
	} else if c == nil {
		return
	}
	if c.TLS.Cert != "" && c.TLS.Key != "" {
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			r.take(path, c.Problem("tls", "want a certificate and its key in PEM: %v", err))
		}
	}
	var defaults fs.FS
	if c.Rules == nil {
		defaults = rules.FS
	}
	set, rulesErr := ruleset.Load(c.Rules, defaults)
	if r.takeFrom(c, "rules", path, rulesErr) {
		r.warn(set)
	}
	detectors, detectorsErr := app.LoadDetectors(c, model.Kinds(), c.Timezone)
	r.takeFrom(c, "detectors", path, detectorsErr)
	assets, catalogErr := catalog.Load(c.Catalog)
	r.take(path, catalogErr)
	if c.Pager.Config != "" {
		r.takeFrom(c, "pager", c.Pager.Config, pager.Check(c.Pager.Config))
	}
	if well := r.take(path, inputsOf(c, assets)); !well {
		return
	}
	if r.OK() {
		n := set.Counts()
		r.Summary = "config; " + join(count(n.Files, "rule file"), count(n.Alerts+n.Recordings, "rule"),
			count(len(detectors.Detectors()), "detector"), count(assets.Len(), "asset"))
	}
}

// inputsOf checks the inputs of a configuration.
func inputsOf(c *config.Config, assets *catalog.Catalog) error {
	_, err := app.Inspect(c, assets, metrics.NewSet())
	return err
}

// take notes what is wrong with a file and reports whether nothing is.
func (r *Report) take(path string, err error) bool {
	return r.note(err, path, func(text string) string { return path + ": " + text })
}

// takeFrom is take for what a key of the configuration refers to. An error
// that names no file is about the key: nothing was found where it points.
func (r *Report) takeFrom(c *config.Config, key, path string, err error) bool {
	return r.note(err, path, func(text string) string {
		return c.Problem(key, "%s", strings.TrimPrefix(text, key+": ")).Error()
	})
}

// note adds the messages of err. Those that do not begin with a file, such as
// path, are put right by locate.
func (r *Report) note(err error, path string, locate func(text string) string) bool {
	for _, e := range parts(err) {
		var (
			problems strict.Problems
			inRules  ruleset.Problem
			text     = e.Error()
		)
		switch {
		case errors.As(e, &problems):
			for _, p := range problems {
				r.Findings = append(r.Findings, p.String())
			}
		case errors.As(e, &inRules), strings.HasPrefix(text, path+":"):
			r.Findings = append(r.Findings, text)
		default:
			r.Findings = append(r.Findings, locate(text))
		}
	}
	return err == nil
}

func (r *Report) warn(set *ruleset.Set) {
	for _, w := range set.Warnings() {
		w.Message = "warning: " + w.Message
		r.Warnings = append(r.Warnings, w.Error())
	}
}

// parts takes joined errors apart.
func parts(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, parts(e)...)
	}
	return all
}

func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func join(counts ...string) string { return strings.Join(counts, ", ") }
