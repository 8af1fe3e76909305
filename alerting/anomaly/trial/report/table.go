package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/belfry-city/belfry/alerting/anomaly/trial"
)

// table writes rows as Markdown has them.
func table(w io.Writer, header []string, rows [][]string) error {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(header)
	rule := make([]string, len(header))
	for i := range rule {
		rule[i] = "---"
	}
	line(rule)
	for _, r := range rows {
		line(r)
	}
	b.WriteByte('\n')
	return text(w, b.String())
}

func text(w io.Writer, s string) error {
	if _, err := io.WriteString(w, s); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// number has a dash for what is not known, as the delay of nothing.
func number(x float64, digits int) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "–"
	}
	return fmt.Sprintf("%.*f", digits, x)
}

const outcomeHeader = "found|mean delay, samples|precision|false a day|false in 5,000 samples|F1|points"

func outcomeCells(o trial.Outcome) []string {
	return []string{
		fmt.Sprintf("%d/%d", o.Found, o.Windows), number(o.MeanDelay(), 1), number(o.Precision(), 2),
		number(o.FalsePerDay(), 3), number(o.FalseOf(5000), 2), number(o.F1(), 2), number(o.Points(), 1),
	}
}

func header(first ...string) []string { return append(first, strings.Split(outcomeHeader, "|")...) }
