package app

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestFullDisk fills the disk under a running Belfry, frees it, writes, kills
// and counts.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=96m"); err != nil {
		t.Skipf("mounting a small file system takes root: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte("groups:\n- name: g\n  interval: 100ms\n  rules:\n  - {alert: Full, expr: full_disk_v > 0}\n"), 0o666))
	c := startChild(t, dir)
	l := &ledger{samples: map[string]map[int64]float64{}}
	for n := range 20 {
		status, _ := l.writeOnce(t, c.url, n)
		require.Equal(t, 204, status)
	}

	filler := filepath.Join(dir, "filler")
	fillAll(t, dir, filler)
	status, retry := l.writeOnce(t, c.url, 100)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.NotEmpty(t, retry)
	l.check(t, c.url) // reads go on
	require.True(t, evaluates(t, c.url), "rules go on")

	require.NoError(t, os.Remove(filler))
	require.Eventually(t, func() bool {
		status, _ := l.writeOnce(t, c.url, 200)
		return status == 204
	}, 30*time.Second, 10*time.Millisecond, "writes should be taken again when there is room")
	for n := range 20 {
		status, _ := l.writeOnce(t, c.url, 300+n)
		require.Equal(t, 204, status)
	}
	c.end(t, syscall.SIGKILL)
	c = startChild(t, dir)
	l.check(t, c.url)
	c.end(t, syscall.SIGTERM)
}

// fillAll leaves not a byte, as a runaway log would.
func fillAll(t *testing.T, dir, name string) {
	t.Helper()
	f, err := os.Create(name)
	require.NoError(t, err)
	block := make([]byte, 1<<20)
	for {
		if _, err := f.Write(block); err != nil {
			break
		}
	}
	require.NoError(t, f.Close())
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &st))
	require.Zero(t, st.Bavail)
}

// writeOnce sends one batch, and notes it if it is acknowledged.
func (l *ledger) writeOnce(t *testing.T, base string, n int) (status int, retryAfter string) {
	t.Helper()
	var body strings.Builder
	sent := map[string]map[int64]float64{}
	l.clock = max(l.clock+1, time.Now().UnixMilli()) // two batches of one instant would be a conflict
	now := l.clock
	for i := range 500 {
		series := fmt.Sprintf("disk-%d", i)
		sent[series] = map[int64]float64{now: float64(n)}
		fmt.Fprintf(&body, "torture,series=%s v=%d %d\nfull_disk v=1 %d\n", series, n, now, now)
	}
	resp, err := http.Post(base+"/write?precision=ms", "", strings.NewReader(body.String()))
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	if resp.StatusCode == http.StatusNoContent {
		l.acknowledge(sent)
	}
	return resp.StatusCode, resp.Header.Get("Retry-After")
}

// evaluates says whether the alert is firing and was evaluated a moment ago.
func evaluates(t *testing.T, base string) bool {
	t.Helper()
	var answer struct {
		Data struct {
			Groups []struct{ LastEvaluation time.Time }
		}
	}
	asked := time.Now()
	return eventually(func() bool {
		getJSON(t, base+"/api/v1/rules", &answer)
		return len(answer.Data.Groups) == 1 && answer.Data.Groups[0].LastEvaluation.After(asked)
	}, 10*time.Second)
}

func eventually(ok func() bool, within time.Duration) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(within); ; {
		if ok() {
			return true
		}
		select {
		case <-deadline:
			return false
		case <-tick.C:
		}
	}
}
