package loadtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/loadtest/prom"
)

// TestLargeCountsAreAskedForInWindowsThatShareNoInstant counts milliseconds: a
// server that has one sample in each must be asked for each exactly once.
func TestLargeCountsAreAskedForInWindowsThatShareNoInstant(t *testing.T) {
	first := time.UnixMilli(1_780_000_000_000)
	const span = 100_003
	window := regexp.MustCompile(`^sum\(count_over_time\(\{__name__="m", source=""\}\[(\d+)ms\]\)\)$`)
	seen := make([]int, span)
	questions := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		questions++
		match := window.FindStringSubmatch(r.FormValue("query"))
		width, err := strconv.ParseInt(match[1], 10, 64)
		require.NoError(t, err)
		seconds, err := strconv.ParseFloat(r.FormValue("time"), 64)
		require.NoError(t, err)
		end := time.UnixMilli(int64(seconds*1000 + 0.5)).Sub(first).Milliseconds()
		for ms := end - width + 1; ms <= end; ms++ {
			seen[ms]++
		}
		_, err = fmt.Fprintf(w, `{"data":{"resultType":"vector","result":[{"metric":{},"value":[0,"%d"]}]}}`, width)
		require.NoError(t, err)
	}))
	defer srv.Close()
	client := prom.NewClient(srv.URL, "")
	defer client.Close()

	r := &Report{FirstReading: first, LastReading: first.Add((span - 1) * time.Millisecond), expected: map[string]int64{"m": 10_000_000}}
	n, err := r.count(t.Context(), client, "m")
	require.NoError(t, err)
	require.EqualValues(t, span, n)
	require.Equal(t, 3, questions)
	for ms, times := range seen {
		require.Equal(t, 1, times, ms)
	}
}
