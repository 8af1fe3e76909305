package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"
	"github.com/stretchr/testify/require"
)

// longSeries is how many series there are with a long label.
func longSeries(t *testing.T, b *belfry) int {
	t.Helper()
	n, err := strconv.Atoi(b.query(t, `count({long!=""})`)["{}"])
	require.NoError(t, err)
	return n
}

// TestASmallRemoteWriteCannotMakeMuchOfOneSymbol has thousands of series refer to
// one symbol of 60,000 bytes.
func TestASmallRemoteWriteCannotMakeMuchOfOneSymbol(t *testing.T) {
	b := start(t) // bodies of 4 MiB
	now := time.Now().UnixMilli()
	long := strings.Repeat("x", 60_000)
	series := []prompb.TimeSeries{remoteSeries(now, 1, "__name__", "before")}
	for i := range 6000 {
		series = append(series, remoteSeries(now, 1, "__name__", "amp", "i", fmt.Sprint(i), "long", long))
	}
	series = append(series, remoteSeries(now, 1, "__name__", "after"))
	raw := asV2(t, series...)
	require.Less(t, len(raw), 300_000)
	resp, text := b.post(t, "/api/v1/write", packSnappy(raw), "Content-Type", contentTypeV2)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	require.Contains(t, text, "too_long: the series would be a new series, and the labels of the request's new series take more than limits.body")
	require.Equal(t, 69, longSeries(t, b), "of 60 KB in 4 MiB")
	require.Len(t, b.query(t, "before"), 1)
	require.Len(t, b.query(t, "after"), 1)

	resp, text = b.post(t, "/api/v1/write", packSnappy(asV2(t, series[:70]...)), "Content-Type", contentTypeV2)
	require.Equal(t, http.StatusNoContent, resp.StatusCode, "series that are known take no room: %s", text)
}

// TestALineCannotMakeMuchOfOneTag has a line of many fields, each of which is a
// series.
func TestALineCannotMakeMuchOfOneTag(t *testing.T) {
	b := start(t)
	var line strings.Builder
	fmt.Fprintf(&line, "before v=1\namp,long=%s a=1", strings.Repeat("x", 30_000))
	for i := range 4000 {
		fmt.Fprintf(&line, ",a%d=1", i)
	}
	resp, text := b.post(t, "/write", strings.NewReader(line.String()+"\nafter v=1"))
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	require.Contains(t, text, "limits.body")
	require.Equal(t, 139, longSeries(t, b))
	require.Len(t, b.query(t, "before_v"), 1)
	require.Len(t, b.query(t, "after_v"), 1)
}
