package demo

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/belfry-city/belfry/alerting/pager"
)

// summaryOf is what is said at the end, for so many columns.
func (s *speech) summaryOf(c closing, width int) []string {
	rate := 0.0
	if seconds := c.ran.Seconds(); seconds > 0 {
		rate = float64(c.stored) / seconds
	}
	say := [][2]string{{s.readings, fmt.Sprintf(s.readingsSay, grouped(c.stored), grouped(int(math.Round(rate))), grouped(c.refused))}}
	pages := s.noPages
	if c.pages > 0 {
		pages = fmt.Sprintf(s.pagesSay, grouped(c.pages), grouped(c.resolved), grouped(c.open()))
	}
	say = append(say, [2]string{s.pages, pages})
	lines := []string{s.paint(bold, fmt.Sprintf(s.summary, lasting(c.ran)))}
	widest := 0
	for _, l := range say {
		widest = max(widest, columns(l[0]))
	}
	for _, l := range say {
		lines = append(lines, "  "+s.paint(dim, left(l[0], widest))+"  "+l[1])
	}
	if len(c.by) > 0 {
		for _, part := range [][]string{s.reach(c), s.domains(c.by), s.list(c, width)} {
			lines = append(append(lines, ""), part...)
		}
	}
	last := s.nothingLeft
	if c.kept {
		last = fmt.Sprintf(s.dataKept, c.dataDir)
	}
	return append(lines, "", last)
}

// severities are those that occur, the worst first.
func severities(by []countedPages) []string {
	known := []string{"critical", "warning", "info"}
	rank := func(severity string) int {
		if i := slices.Index(known, severity); i >= 0 {
			return i
		}
		return len(known)
	}
	var all []string
	for _, k := range by {
		if !slices.Contains(all, k.Severity) {
			all = append(all, k.Severity)
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return rank(a) - rank(b) })
	return all
}

// reach is how fast pages were.
func (s *speech) reach(c closing) []string {
	t := table{{s.columnReach, s.columnPages, s.columnHalf, s.columnMost, s.columnAll}}
	for _, severity := range severities(c.by) {
		l := c.bySeverity[severity]
		name := wordFor(s.severity, severity)
		if severity == "warning" {
			name += s.collected
		}
		t = append(t, []string{name, grouped(l.Count), milliseconds(l.P50), milliseconds(l.P99), milliseconds(l.Max)})
	}
	return t.lines(s, func(column int) bool { return column > 0 })
}

// domains counts the pages of each domain by severity.
func (s *speech) domains(by []countedPages) []string {
	all := severities(by)
	t := table{{s.columnDomain}}
	for _, severity := range all {
		t[0] = append(t[0], wordFor(s.severity, severity))
	}
	row := map[string][]string{}
	for _, k := range by {
		if row[k.Domain] == nil {
			row[k.Domain] = append([]string{wordFor(s.domain, k.Domain)}, slices.Repeat([]string{"-"}, len(all))...)
			t = append(t, row[k.Domain])
		}
		row[k.Domain][1+slices.Index(all, k.Severity)] = grouped(k.Pages)
	}
	return t.lines(s, func(column int) bool { return column > 0 })
}

// list is the pages one by one; the team only where there is room for it.
func (s *speech) list(c closing, width int) []string {
	const roomForTeam, roomForLasted = 110, 90
	t := table{{s.columnTime, s.columnSeverity, s.columnWhere, s.columnTeam, s.columnValue, s.columnLatency, s.columnLasted}}
	for _, l := range c.recent {
		lasted := s.open
		if !l.over.IsZero() {
			lasted = lasting(l.over.Sub(l.StartsAt))
		}
		t = append(t, []string{
			l.Time.In(s.zone).Format(time.TimeOnly), wordFor(s.severity, l.Severity), s.nameOf(&l.Page),
			s.teamOf(&l.Page), comparison(&l.Page), latencyOf(&l.Page), lasted,
		})
	}
	numeric := []string{s.columnLatency, s.columnLasted}
	if width < roomForTeam {
		t.drop(3)
	}
	if width < roomForLasted {
		t.drop(len(t[0]) - 1)
	}
	t.fit(2, width)
	lines := t.lines(s, func(column int) bool { return slices.Contains(numeric, t[0][column]) })
	if earlier := c.pages - len(c.recent); earlier > 0 {
		lines = append(lines, "  "+fmt.Sprintf(s.earlier, grouped(earlier)))
	}
	return lines
}

func latencyOf(p *pager.Page) string {
	if p.ReadingTime.IsZero() {
		return "-"
	}
	return milliseconds(p.LatencyMS)
}

// table is rows of cells; the first row is the head.
type table [][]string

func (t table) widths() []int {
	widths := make([]int, len(t[0]))
	for _, row := range t {
		for i, cell := range row {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	return widths
}

func (t table) drop(column int) {
	for i := range t {
		t[i] = slices.Delete(t[i], column, column+1)
	}
}

// fit cuts the cells of one column so that the table is not wider than said.
func (t table) fit(column, width int) {
	total := 2
	for _, w := range t.widths() {
		total += w + 2
	}
	const least = 8
	most := max(least, t.widths()[column]-max(0, total-2-width))
	for _, row := range t {
		row[column] = cut(row[column], most)
	}
}

// lines writes the table; numeric columns are set to the right.
func (t table) lines(s *speech, numeric func(column int) bool) []string {
	widths := t.widths()
	out := make([]string, len(t))
	for i, row := range t {
		var b strings.Builder
		for column, cell := range row {
			b.WriteString("  ")
			switch {
			case numeric(column):
				b.WriteString(right(cell, widths[column]))
			default:
				b.WriteString(left(cell, widths[column]))
			}
		}
		out[i] = strings.TrimRight(b.String(), " ")
		if i == 0 {
			out[i] = s.paint(dim, out[i])
		}
	}
	return out
}
