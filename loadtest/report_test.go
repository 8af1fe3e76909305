package loadtest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

type twoParts struct{}

func (twoParts) Parts() int                        { return 2 }
func (twoParts) Samples(part int) int              { return 3 - part }
func (twoParts) Body(int, int64, time.Time) []byte { return nil }
func (twoParts) Metrics(part int) map[string]int {
	if part == 0 {
		return map[string]int{"gas_ch4_lel_percent": 2, "well_level_m": 1}
	}
	return map[string]int{"well_level_m": 2}
}

func exampleReport() *Report {
	begin := time.Date(2026, 6, 3, 4, 0, 0, 0, time.UTC)
	r := &runner{plan: Plan{Connections: 2, Rate: 10, Samples: 5100}, load: twoParts{}, tally: newTally(2)}
	r.schedule = newSchedule(r.plan, r.load, begin)
	for i := range 1000 {
		r.tally.attempt(3, 100, begin.Add(time.Duration(i)*time.Second), 300*time.Nanosecond)
		r.tally.acknowledged(0, 3, time.Duration(i+1)*time.Millisecond, time.Millisecond)
		r.tally.attempt(2, 60, begin.Add(time.Duration(i)*time.Second), 200*time.Nanosecond)
		if i == 999 {
			r.tally.lost(2, &Busy{Status: 503})
			continue
		}
		r.tally.acknowledged(1, 2, time.Duration(i+1)*time.Millisecond, 2*time.Millisecond)
	}
	r.tally.again(&Busy{Status: 429})
	report := r.report(begin, begin.Add(600*time.Second), 500*time.Microsecond)
	report.Target, report.Protocol, report.Seed, report.Scale = "http://server:9400", "line protocol over HTTP", 1, 1
	return report
}

func TestReportForMachinesAndForPeople(t *testing.T) {
	report := exampleReport()
	report.Verified = &Verified{Expected: 4998, Stored: 4997, Missing: []MetricCount{{"well_level_m", 2998, 2997}}}
	text, err := json.MarshalIndent(report, "", "  ")
	require.NoError(t, err)
	golden(t, "report.json", append(text, '\n'))

	var b bytes.Buffer
	require.NoError(t, report.WriteText(&b))
	golden(t, "report.txt", b.Bytes())
}

func TestEachMetricsAcknowledgedSamplesAreKnown(t *testing.T) {
	require.Equal(t, map[string]int64{"gas_ch4_lel_percent": 2000, "well_level_m": 1000 + 2*999}, exampleReport().expected)
}

func TestQuantilesAreThoseOfTheHistogram(t *testing.T) {
	h := newHistogram()
	for i := 1; i <= 1000; i++ {
		record(h, time.Duration(i)*time.Millisecond)
	}
	l := latencyOf(h)
	require.InEpsilon(t, 500, l.P50, 0.001)
	require.InEpsilon(t, 990, l.P99, 0.001)
	require.InEpsilon(t, 999, l.P999, 0.001)
	require.InEpsilon(t, 1000, l.Max, 0.001)
	record(h, time.Hour)
	require.InEpsilon(t, 600_000, latencyOf(h).Max, 0.001, "beyond the range counts as the range's end")
}

func TestProgressIsOneLineOnATerminalAndFewLinesElsewhere(t *testing.T) {
	var terminal, file bytes.Buffer
	a, b := NewProgress(&terminal, true), NewProgress(&file, false)
	for s := range 25 {
		snapshot := Snapshot{Elapsed: time.Duration(s+1) * time.Second, Acknowledged: int64(s)}
		a.Show(snapshot)
		b.Show(snapshot)
	}
	a.Clear()
	b.Clear()
	require.NotContains(t, terminal.String(), "\n")
	require.Equal(t, 2, bytes.Count(file.Bytes(), []byte("\n")))
	require.NotContains(t, file.String(), "\x1b")
}
