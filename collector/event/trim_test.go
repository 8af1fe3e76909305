package event_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/collector/reading"
)

func TestEventsAreDeletedWhenTheyAreTooOld(t *testing.T) {
	s := openStore(t, t.TempDir(), func(o *event.Options) { o.KeepTime = 90 * 24 * time.Hour })
	for i := range 300 {
		s.add(t, seen(func(e *reading.Event) { e.ID = fmt.Sprint(i) }))
	}
	s.clock.advance(60 * 24 * time.Hour)
	s.add(t, seen(func(e *reading.Event) { e.ID = "younger" }))
	s.add(t, seen(func(e *reading.Event) { e.ID, e.Updated = "7", at(100) })) // heard of again
	require.Len(t, s.list(t, event.Query{}), 301)
	s.clock.advance(31 * 24 * time.Hour)
	require.Eventually(t, func() bool { return len(s.list(t, event.Query{})) == 2 }, 20*time.Second, 10*time.Millisecond)
	require.EqualValues(t, 299, s.set.GetOrCreateCounter(`belfry_events_deleted_total`).Get())
}

func TestTheOldestEventsAreDeletedWhenTheyTakeTooMuchRoom(t *testing.T) {
	dir := t.TempDir()
	const limit = 8 << 20
	s := openStore(t, dir, func(o *event.Options) { o.KeepBytes = limit })
	for i := range 400 {
		s.clock.advance(time.Second)
		s.add(t, seen(func(e *reading.Event) {
			e.ID, e.Time = fmt.Sprint(i), at(int64(i))
			e.Picture, e.PictureType = make([]byte, 100_000), "image/jpeg"
			_, _ = rand.Read(e.Picture)
		}))
	}
	file := func() int64 {
		info, err := os.Stat(filepath.Join(dir, "events.db"))
		require.NoError(t, err)
		return info.Size()
	}
	require.Eventually(t, func() bool { return len(s.list(t, event.Query{})) <= limit/100_000 }, 30*time.Second, 10*time.Millisecond)
	kept := s.list(t, event.Query{})
	require.NotEmpty(t, kept)
	require.Equal(t, at(399), kept[0].Time, "the newest stay")
	require.Equal(t, at(int64(400-len(kept))), kept[len(kept)-1].Time, "the oldest have gone")
	require.Eventually(t, func() bool { return file() <= limit }, 30*time.Second, 50*time.Millisecond, "the file gets smaller")
}

// TestTheDatabaseHoldsWhatFitsAndNoMore looks at the file as `ls` shows it.
func TestTheDatabaseHoldsWhatFitsAndNoMore(t *testing.T) {
	dir := t.TempDir()
	const limit, each = 4 << 20, 80_000
	s := openStore(t, dir, func(o *event.Options) { o.KeepBytes, o.TrimEvery = limit, time.Hour })
	file := func() int64 {
		info, err := os.Stat(filepath.Join(dir, "events.db"))
		require.NoError(t, err)
		return info.Size()
	}
	for i := range 150 {
		s.clock.advance(time.Second)
		s.add(t, seen(func(e *reading.Event) {
			e.ID, e.Time, e.Picture, e.PictureType = fmt.Sprint(i), at(int64(i)), make([]byte, each), "image/jpeg"
		}))
		require.Less(t, file(), int64(limit+10*each), "at no time")
	}
	require.Eventually(t, func() bool { return file() <= limit }, 20*time.Second, 10*time.Millisecond)
	kept := s.list(t, event.Query{})
	require.Greater(t, len(kept), limit/each*8/10)
	require.Equal(t, at(149), kept[0].Time)
}
