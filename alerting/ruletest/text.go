package ruletest

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// WriteText says what the reports hold, a line for each file that is well. The
// error says how many are not, or that there was nothing to run.
func WriteText(w io.Writer, reports []Report) error {
	var b strings.Builder
	wrong, ran := 0, 0
	for _, r := range reports {
		ran += len(r.Tests)
		for _, text := range r.Warnings {
			fmt.Fprintln(&b, text)
		}
		if r.Mistakes != nil {
			fmt.Fprintln(&b, r.Mistakes)
		}
		failed, checks := 0, 0
		for _, t := range r.Tests {
			b.WriteString(t.Debug)
			checks += t.Checks
			if len(t.Failures) > 0 {
				failed++
			}
			for _, text := range t.Failures {
				fmt.Fprintln(&b, text)
			}
		}
		switch {
		case r.OK():
			fmt.Fprintf(&b, "%s: ok (%s, %s)\n", r.File, count(len(r.Tests), "test"), count(checks, "check"))
		case r.Mistakes == nil:
			fmt.Fprintf(&b, "%s: %d of %s failed\n", r.File, failed, count(len(r.Tests), "test"))
		}
		if !r.OK() {
			wrong++
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	switch {
	case wrong > 0:
		return fmt.Errorf("%d of %s failed", wrong, count(len(reports), "file"))
	case ran == 0:
		return errors.New("no test was run: the files have none, or none whose name is asked for")
	}
	return nil
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
