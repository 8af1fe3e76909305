package demo

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config"
)

// TestOneBayHasTwoSourcesThatDiffer reads what the district sends for six hours.
func TestOneBayHasTwoSourcesThatDiffer(t *testing.T) {
	c, err := newCity(smallest)
	require.NoError(t, err)
	h, err := newHandheld(c)
	require.NoError(t, err)
	began := time.Date(2026, 5, 4, 7, 59, 59, 123_000_000, time.UTC)
	end := began.Add(6 * time.Hour)
	var lines []byte
	values := 0
	for at := began; at.Before(end); {
		next := at.Add(8 * time.Second)
		more := 0
		lines, more = h.appendDue(lines, at, next)
		values += more
		at = next
	}
	all := strings.Split(strings.TrimSpace(string(lines)), "\n")
	require.Len(t, all, values)
	require.EqualValues(t, 6*time.Hour/handheldPace, values, "each once")
	var changed time.Time
	last, long := -1, 0
	for _, line := range all {
		var seen int
		var ns int64
		_, err := fmt.Sscanf(line, "parking_bay,asset="+h.bay.Asset.ID+",source=handheld occupied=%d %d", &seen, &ns)
		require.NoError(t, err, line)
		at := time.Unix(0, ns)
		said, ok := h.bay.Read(at, nil)
		require.True(t, ok)
		require.NotEqual(t, int(said[0]), seen)
		if seen != last {
			last, changed = seen, at
		}
		if at.Sub(changed) > config.Default().Inputs.Parking.Grace {
			long++
		}
	}
	require.Greater(t, long, len(all)/2, "they differ for longer than is overlooked, for most of the time")
}
