package tsdb

import (
	"context"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
)

func TestCommitsAreToldOf(t *testing.T) {
	s := openStore(t, t.TempDir())
	told := func() bool {
		rung := map[bool]int{}
		for _, bell := range []<-chan struct{}{s.Committed(), s.Visible()} {
			select {
			case <-bell:
				rung[true]++
			default:
				rung[false]++
			}
		}
		require.Len(t, rung, 1, "both are told the same")
		return rung[true] > 0
	}
	require.False(t, told())
	var b batchBuilder
	b.add("gas,asset=W1", "ch4", nowMs(), 1)
	require.NoError(t, write(t, s, &b))
	require.NoError(t, write(t, s, &b)) // nobody need listen
	require.True(t, told())
	require.False(t, told())
	app := s.Appender(context.Background())
	_, err := app.Append(0, labels.FromStrings("__name__", "x"), nowMs(), 1)
	require.NoError(t, err)
	require.False(t, told())
	require.NoError(t, app.Commit())
	require.True(t, told())
}
