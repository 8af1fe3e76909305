package tsdb

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/require"
)

// Queries that read while rules create series see them in order: the race detector says whether anybody moves them.
func TestSeriesAreCreatedInOrderForThoseWhoRead(t *testing.T) {
	s := openStore(t, t.TempDir())
	var work conc.WaitGroup
	for w := range 4 {
		work.Go(func() {
			for i := range 300 {
				app := s.Appender(context.Background())
				_, err := app.Append(0, labels.FromStrings("__name__", "ALERTS", "alertname", fmt.Sprint(w, " ", i)), int64(i), 1)
				require.NoError(t, err)
				require.NoError(t, app.Commit())
			}
		})
	}
	for range 2 {
		work.Go(func() {
			for range 100 {
				q, err := s.Querier(0, math.MaxInt64)
				require.NoError(t, err)
				set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", "ALERTS"))
				for set.Next() {
				}
				require.NoError(t, set.Err())
				require.NoError(t, q.Close())
			}
		})
	}
	work.Wait()
}
