package compare

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/belfry-city/belfry/loadtest/prom"
)

// difference says how two answers differ; empty when they are the same.
func (w sameness) difference(a, b []prom.Series) string {
	if len(a) == 0 && len(b) == 0 {
		return "both are empty"
	}
	if len(a) != len(b) {
		return fmt.Sprintf("%d series and %d", len(a), len(b))
	}
	if w.valuesOnly {
		return w.valuesDiffer(a, b)
	}
	other := make(map[string]prom.Series, len(b))
	for _, s := range b {
		other[key(s.Labels)] = s
	}
	for _, s := range a {
		match, ok := other[key(s.Labels)]
		if !ok {
			return fmt.Sprintf("%s is only in one", key(s.Labels))
		}
		if d := w.samplesDiffer(s.Samples, match.Samples); d != "" {
			return key(s.Labels) + ": " + d
		}
	}
	return ""
}

func (w sameness) samplesDiffer(a, b []prom.Sample) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d samples and %d", len(a), len(b))
	}
	for i := range a {
		if a[i].Time != b[i].Time {
			return fmt.Sprintf("a sample at %.3f and at %.3f", a[i].Time, b[i].Time)
		}
		if !w.close(a[i].Value, b[i].Value) {
			return fmt.Sprintf("%v and %v at %.3f", a[i].Value, b[i].Value, a[i].Time)
		}
	}
	return ""
}

func (w sameness) valuesDiffer(a, b []prom.Series) string {
	x, y := values(a), values(b)
	if len(x) != len(y) {
		return fmt.Sprintf("%d values and %d", len(x), len(y))
	}
	for i := range x {
		if !w.close(x[i], y[i]) {
			return fmt.Sprintf("%v and %v", x[i], y[i])
		}
	}
	return ""
}

func (w sameness) close(x, y float64) bool {
	return x == y || math.Abs(x-y) <= w.within*math.Max(math.Abs(x), math.Abs(y))
}

func values(all []prom.Series) (out []float64) {
	for _, s := range all {
		for _, p := range s.Samples {
			out = append(out, p.Value)
		}
	}
	slices.SortFunc(out, cmp.Compare)
	return out
}

func key(labels map[string]string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s=%q", name, labels[name])
	}
	b.WriteByte('}')
	return b.String()
}
