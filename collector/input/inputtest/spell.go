package inputtest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/reading"
)

// Spell decodes messages one after another and says in lines what came of them:
// series with value and time, refusals, and how many texts were skipped. It
// fails the test where a decoder gives a series that cannot be.
func Spell(t testing.TB, d input.Decoder, messages ...*input.Message) string {
	t.Helper()
	var b reading.Batch
	var w reading.Builder
	w.Reset(&b)
	for _, m := range messages {
		w.Message(m.Body)
		for _, l := range m.Labels {
			w.Common(l.Name, l.Value)
		}
		d.Decode(m, &w)
	}
	w.Done()
	var out strings.Builder
	for _, p := range b.Points {
		for _, f := range b.Fields[p.First : p.First+p.Count] {
			metric, labels, err := reading.LabelSpeller{}.Spell(b.Bytes(p.Key), b.Bytes(f.Name), nil)
			require.NoError(t, err)
			var pairs []string
			for _, l := range labels {
				pairs = append(pairs, fmt.Sprintf("%s=%q", l.Name, l.Value))
			}
			slices.Sort(pairs)
			require.Len(t, slices.Compact(slices.Clone(pairs)), len(pairs), "a label is there twice")
			_, _ = fmt.Fprintf(&out, "%d: %s{%s} %v @%s\n", p.Line, metric, strings.Join(pairs, ","), f.Value, stamp(p.Time))
		}
	}
	for _, e := range b.Events {
		_, _ = fmt.Fprintf(&out, "%d: event %s %s %s %s @%s\n", e.Line, e.Asset, e.Kind, e.ID, e.Phase, stamp(e.Time))
	}
	for _, r := range b.Refusals {
		_, _ = fmt.Fprintf(&out, "%d: refused: %s: %s\n", r.Line, r.Reason, r.Detail)
	}
	if b.Strings > 0 {
		_, _ = fmt.Fprintf(&out, "skipped: %d\n", b.Strings)
	}
	return out.String()
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// Golden compares got with the file, or writes the file where update is set.
func Golden(t testing.TB, file, got string, update bool) {
	t.Helper()
	if update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "go test -update writes it")
	require.Equal(t, string(want), got, file)
}
