package app

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestInputsThatCannotFinishShareTheTimeForIt(t *testing.T) {
	a := &App{}
	var deadlines []time.Time
	stop := func(ctx context.Context) error {
		by, _ := ctx.Deadline()
		deadlines = append(deadlines, by)
		return nil
	}
	require.NoError(t, a.finish(stop))
	require.NoError(t, a.finish(stop))
	require.Equal(t, deadlines[0], deadlines[1])
	a.drainBy = time.Now().Add(-time.Hour)
	before := time.Now()
	require.NoError(t, a.finish(stop))
	require.True(t, deadlines[2].After(before), "the last has a moment, too")
}
