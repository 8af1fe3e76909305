package tsdb

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hours writes an hour's samples of several series, hour after hour up to now.
func hours(t *testing.T, s *Store, now int64, back int) {
	t.Helper()
	for h := back; h >= 0; h-- {
		b := &batchBuilder{}
		for i := range 200 {
			for m := range int64(60) {
				at := now - int64(h)*3_600_000 + m*60_000
				if at <= now {
					b.add(fmt.Sprintf("m,i=%d", i), "v", at, rand.Float64())
				}
			}
		}
		require.NoError(t, write(t, s, b))
		require.Empty(t, b.Refusals)
	}
}

func oldest(t *testing.T, s *Store) int64 {
	t.Helper()
	first := int64(1) << 62
	for _, samples := range readAll(t, s) {
		first = min(first, samples[0].t)
	}
	return first
}

func TestRetentionByTime(t *testing.T) {
	s := openStore(t, t.TempDir(), func(o *Options) { o.Retention = 6 * time.Hour })
	now := nowMs()
	hours(t, s, now, 20)
	require.NoError(t, s.Maintain(context.Background()))
	require.NoError(t, s.Maintain(context.Background()))
	// A block goes when all of it is too old; blocks span up to a tenth of the
	// retention or two hours.
	require.Greater(t, oldest(t, s), now-10*time.Hour.Milliseconds())
	require.Less(t, oldest(t, s), now-5*time.Hour.Milliseconds())
}

func TestRetentionBySize(t *testing.T) {
	all := openStore(t, t.TempDir())
	small := openStore(t, t.TempDir(), func(o *Options) { o.RetentionBytes = 1 << 20 })
	now := nowMs()
	for _, s := range []*Store{all, small} {
		hours(t, s, now, 20)
		require.NoError(t, s.Maintain(context.Background()))
		require.NoError(t, s.Maintain(context.Background()))
	}
	require.Less(t, oldest(t, all), now-19*time.Hour.Milliseconds())
	require.Greater(t, oldest(t, small), oldest(t, all))
}
