package ruletest

import (
	"fmt"
	"io"
	"time"

	"github.com/prometheus/prometheus/util/junitxml"
)

// WriteJUnit writes the reports as JUnit XML, a suite for each file, as promtool
// does.
func WriteJUnit(w io.Writer, reports []Report, now time.Time) error {
	var out junitxml.JUnitXML
	for _, r := range reports {
		suite := out.Suite(r.File)
		suite.Settime(now.Format("2006-01-02T15:04:05"))
		if r.Mistakes != nil {
			suite.Abort(r.Mistakes)
		}
		for _, t := range r.Tests {
			one := suite.Case(t.Name)
			for _, f := range t.Failures {
				one.Fail(f)
			}
		}
	}
	if err := out.WriteXML(w); err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	return nil
}
