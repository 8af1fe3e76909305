package loadtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/belfry-city/belfry/loadtest/prom"
)

// Verified says how many of the acknowledged samples were found.
type Verified struct {
	Expected int64 `json:"expected"`
	// Stored may be more than Expected when a request that got no answer was
	// stored all the same.
	Stored  int64         `json:"stored"`
	Missing []MetricCount `json:"missing"`
	OK      bool          `json:"ok"`
}

// MetricCount is a metric of which samples are missing.
type MetricCount struct {
	Metric   string `json:"metric"`
	Expected int64  `json:"expected"`
	Stored   int64  `json:"stored"`
}

// Verify counts by PromQL whether every acknowledged sample of the run is
// stored, and notes the outcome in the report. A server may take until patience
// is over to show what it has acknowledged.
func (r *Report) Verify(ctx context.Context, client *prom.Client, patience time.Duration) error {
	v := &Verified{OK: true, Missing: []MetricCount{}}
	deadline := time.Now().Add(patience)
	for _, metric := range slices.Sorted(maps.Keys(r.expected)) {
		count := MetricCount{Metric: metric, Expected: r.expected[metric]}
		for {
			n, err := r.count(ctx, client, metric)
			if err != nil {
				return fmt.Errorf("counting what is stored of %s: %w", metric, err)
			}
			count.Stored = n
			again := time.Now().Add(200 * time.Millisecond)
			if n >= count.Expected || again.After(deadline) {
				break
			}
			if err := sleepUntil(ctx, again); err != nil {
				return fmt.Errorf("counting what is stored of %s: %w", metric, err)
			}
		}
		v.Expected += count.Expected
		v.Stored += count.Stored
		if count.Stored < count.Expected {
			v.OK = false
			v.Missing = append(v.Missing, count)
		}
	}
	r.Verified = v
	r.judge()
	return nil
}

// ours selects what the city has sent: it has no label source, and what Belfry
// itself finds out about bays, under the same names, has one.
const ours = `source=""`

// count adds up windows that are small enough for the limits that servers set
// on the samples of one query.
func (r *Report) count(ctx context.Context, client *prom.Client, metric string) (int64, error) {
	const mostPerQuery = 4_000_000
	span := r.LastReading.Sub(r.FirstReading).Milliseconds() + 1
	windows := min(1+r.expected[metric]/mostPerQuery, span)
	width := (span + windows - 1) / windows
	total := int64(0)
	for end := r.LastReading; end.UnixMilli() >= r.FirstReading.UnixMilli(); end = end.Add(-time.Duration(width) * time.Millisecond) {
		// A window leaves out its first instant, so neighbours share none.
		in := min(width, end.UnixMilli()-r.FirstReading.UnixMilli()+1)
		answer, err := client.Query(ctx, fmt.Sprintf("sum(count_over_time({__name__=%q, %s}[%dms]))", metric, ours, in), end)
		if err != nil {
			return 0, err
		}
		series, err := answer.Series()
		if err != nil {
			return 0, err
		}
		for _, s := range series {
			for _, p := range s.Samples {
				total += int64(p.Value)
			}
		}
	}
	return total, nil
}
