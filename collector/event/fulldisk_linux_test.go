package event_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/collector/reading"
)

func TestAFullDiskCostsNothingThatWasAcknowledged(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("mounting a small file system takes root: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	filler := filepath.Join(dir, "filler")
	require.NoError(t, os.WriteFile(filler, make([]byte, 10<<20), 0o600))
	s := openStore(t, filepath.Join(dir, "events"))
	t.Cleanup(func() { require.NoError(t, s.Close()) }) // before the disk is unmounted
	add := func(id int) error {
		return s.Add(context.Background(), []reading.Event{seen(func(e *reading.Event) {
			e.ID, e.Description, e.Picture, e.PictureType = fmt.Sprint(id), fmt.Sprint(id), make([]byte, 200_000), "image/jpeg"
		})})
	}
	acknowledged := map[string]bool{}
	var refused error
	next := 0
	for ; next < 500 && refused == nil; next++ {
		if refused = add(next); refused == nil {
			acknowledged[fmt.Sprint(next)] = true
		}
	}
	require.ErrorIs(t, refused, event.ErrDiskFull)
	require.NotEmpty(t, acknowledged)
	require.NotEmpty(t, s.list(t, event.Query{}), "what is there can be looked at")
	require.ErrorIs(t, add(next), event.ErrDiskFull, "it goes on refusing")
	require.NoError(t, os.Remove(filler))
	require.Eventually(t, func() bool { return add(next) == nil }, waiting, tick, "and takes events again when there is room")
	acknowledged[fmt.Sprint(next)] = true
	require.NoError(t, s.Close())

	again := openStore(t, filepath.Join(dir, "events"))
	t.Cleanup(func() { require.NoError(t, again.Close()) })
	require.Empty(t, aside(t, filepath.Join(dir, "events")))
	kept := map[string]bool{}
	for _, r := range again.list(t, event.Query{}) {
		kept[r.Description] = true
	}
	for id := range acknowledged {
		require.True(t, kept[id], "event %s was acknowledged, and is lost", id)
	}
}
