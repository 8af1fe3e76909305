package app

import (
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keepWriting writes for a while.
func (l *ledger) keepWriting(t *testing.T, base string, d time.Duration) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	rnd := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for end := time.Now().Add(d); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		require.True(t, l.write(client, base, 0, rnd))
	}
}

// TestAVictoriaMetricsThatIsStoppedAndThenKilledHasEverything stops it for longer
// than `resend`, and kills it before it has had the time to write to its disk.
func TestAVictoriaMetricsThatIsStoppedAndThenKilledHasEverything(t *testing.T) {
	vm := newVictoriaMetrics(t)
	dir := t.TempDir()
	config := strings.NewReplacer("VM", vm.url(), "timeout: 1s", "resend: 8s").Replace(forwardBoth)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "belfry.yml"), []byte(config), 0o666))
	c := startChild(t, dir)
	l := &ledger{samples: map[string]map[int64]float64{}}
	l.keepWriting(t, c.url, 5*time.Second)

	require.NoError(t, vm.cmd.Process.Signal(syscall.SIGSTOP))
	l.keepWriting(t, c.url, 9*time.Second)
	sent := func() float64 {
		return metricValue(t, c.url, `belfry_forward_sent_samples_total{target="line"}`) + metricValue(t, c.url, `belfry_forward_sent_samples_total{target="client"}`)
	}
	before := sent()
	require.NoError(t, vm.cmd.Process.Signal(syscall.SIGCONT))
	require.Eventually(t, func() bool { return sent() > before }, time.Minute, time.Millisecond)
	l.keepWriting(t, c.url, 100*time.Millisecond)
	vm.end(syscall.SIGKILL)
	vm.start()
	requireSame(t, c, vm, l)
	c.end(t, syscall.SIGTERM)
}

// TestAVictoriaMetricsThatIsKilledWhileBelfryIsDownHasEverything has Belfry stop
// by itself, but at a time when nobody answers it.
func TestAVictoriaMetricsThatIsKilledWhileBelfryIsDownHasEverything(t *testing.T) {
	vm := newVictoriaMetrics(t)
	dir := t.TempDir()
	config := strings.NewReplacer("VM", vm.url()).Replace(forwardBoth)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "belfry.yml"), []byte(config), 0o666))
	c := startChild(t, dir)
	l := &ledger{samples: map[string]map[int64]float64{}}
	l.keepWriting(t, c.url, 4*time.Second)
	require.NoError(t, vm.cmd.Process.Signal(syscall.SIGSTOP))
	l.keepWriting(t, c.url, time.Second)
	c.end(t, syscall.SIGTERM)
	vm.end(syscall.SIGKILL)
	vm.start()
	c = startChild(t, dir)
	requireSame(t, c, vm, l)
	c.end(t, syscall.SIGTERM)
}
