package segments_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/wal/segments"
)

func TestADirectoryIsListedAgainWhenItHasChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wal")
	d := segments.NewDir(path)
	_, ok := d.After(-1)
	require.False(t, ok, "there is no directory")
	require.NoError(t, os.Mkdir(path, 0o777))
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(path, name), []byte(text), 0o666))
	}
	// Also within one step of the file system's clock.
	for i, name := range []string{"00000003", "00000004", "00000005"} {
		write(name, name)
		segment, size := d.End()
		require.Equal(t, 3+i, segment)
		require.EqualValues(t, 8, size)
		next, ok := d.After(2 + i)
		require.True(t, ok)
		require.Equal(t, 3+i, next)
	}
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, old, old))
	_, ok = d.After(5)
	require.False(t, ok)
	require.NoError(t, os.Mkdir(filepath.Join(path, "checkpoint.00000003"), 0o777))
	require.NoError(t, os.Mkdir(filepath.Join(path, "checkpoint.00000004.tmp"), 0o777))
	require.NoError(t, os.Remove(filepath.Join(path, "00000003")))
	dir, index, ok := d.Checkpoint(5)
	require.True(t, ok)
	require.Equal(t, 3, index)
	require.Equal(t, filepath.Join(path, "checkpoint.00000003"), dir)
	_, _, ok = d.Checkpoint(3)
	require.False(t, ok)
	_, ok = d.Segment(3)
	require.False(t, ok)
	file, ok := d.Segment(4)
	require.True(t, ok)
	require.Equal(t, filepath.Join(path, "00000004"), file)
}
