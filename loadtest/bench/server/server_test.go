package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

const standInAddress = "BELFRY_TEST_STAND_IN"

func TestMain(m *testing.M) {
	if addr := os.Getenv(standInAddress); addr != "" {
		os.Exit(standIn(addr))
	}
	goleak.VerifyTestMain(m)
}

// standIn is this binary playing a server until SIGTERM.
func standIn(addr string) int {
	if addr == "broken" {
		_, _ = fmt.Fprintln(os.Stderr, "the disk is on fire")
		return 3
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	srv := &http.Server{Addr: addr, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			http.NotFound(w, r)
		}
	})}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return 1
	}
	return 0
}

// fake is a product that the test's own binary plays.
type fake struct{ broken bool }

func (fake) Name() string                                   { return "fake" }
func (fake) Ready() string                                  { return "/health" }
func (fake) Settle(context.Context, *Server) error          { return nil }
func (fake) Compact(context.Context, *Server) (Disk, error) { return Disk{}, errors.New("no room") }

func (f fake) Command(_, addr string) (*exec.Cmd, error) {
	if f.broken {
		addr = "broken"
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), standInAddress+"="+addr)
	return cmd, nil
}

func TestAServerIsStartedMeasuredAndStopped(t *testing.T) {
	s, err := Start(t.Context(), fake{}, t.TempDir())
	require.NoError(t, err)
	_, err = s.Get(t.Context(), "/health")
	require.NoError(t, err)
	_, err = s.Get(t.Context(), "/nothing")
	require.ErrorContains(t, err, "/nothing answered 404")

	used, err := s.Used()
	require.NoError(t, err)
	require.Greater(t, used.PeakRSS, int64(1<<20))
	require.NoError(t, s.Settle(t.Context()))
	_, err = s.Compact(t.Context())
	require.EqualError(t, err, "compacting the data of fake: no room")

	require.NoError(t, s.Stop(t.Context()))
	require.NoError(t, s.Stop(t.Context()), "once more does no harm")
	require.NoError(t, s.Kill())
	_, err = s.Used()
	require.Error(t, err)
}

func TestAServerThatEndsAtOnceShowsItsLog(t *testing.T) {
	_, err := Start(t.Context(), fake{broken: true}, t.TempDir())
	require.ErrorContains(t, err, "starting fake: it ended: exit status 3")
	require.ErrorContains(t, err, "the disk is on fire")
}

func TestUsageIsReadFromProc(t *testing.T) {
	cpu, err := parseStat([]byte("42 (a (b) c) S 1 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 100 1 1"))
	require.NoError(t, err)
	require.Equal(t, 3*time.Second, cpu)
	for _, bad := range []string{"", "42 (x) S", "42 (x) S 1 42 42 0 -1 4194560 1 0 0 0 a b 0"} {
		_, err := parseStat([]byte(bad))
		require.Error(t, err, bad)
	}
	rss, err := parseStatus([]byte("Name:\tx\nVmPeak:\t  900 kB\nVmHWM:\t  200 kB\n"))
	require.NoError(t, err)
	require.EqualValues(t, 200<<10, rss)
	_, err = parseStatus([]byte("Name:\tx\n"))
	require.ErrorContains(t, err, "no VmHWM")
}

func TestDiskUsageCountsWhatIsWanted(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"data/a", "data/deep/b", "cache/c", "lock"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		f, err := os.Create(path)
		require.NoError(t, err)
		_, err = f.Write(make([]byte, 100_000))
		require.NoError(t, err)
		require.NoError(t, f.Sync())
		require.NoError(t, f.Close())
	}
	all, err := diskUsage(dir, nil)
	require.NoError(t, err)
	require.InDelta(t, 400_000, all, 40_000)
	some, err := diskUsage(dir, func(name string) bool { return name == "data" })
	require.NoError(t, err)
	require.InDelta(t, 200_000, some, 20_000)
}

func TestMetricsAreSummed(t *testing.T) {
	const text = "vm_active_merges{type=\"small\"} 1\nvm_active_merges{type=\"big\"} 2\nvm_active_force_merges 0\nvm_other 9\n"
	busy, err := sum(text, "vm_active_merges{", "vm_active_force_merges")
	require.NoError(t, err)
	require.InDelta(t, 3, busy, 0)
	_, err = sum(text, "vm_renamed")
	require.ErrorContains(t, err, "none of the metrics vm_renamed is there")
}

func TestTheHeadBecomesABlock(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "somewhere", "tsdb")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	db, err := tsdb.Open(dir, nil, nil, tsdb.DefaultOptions(), nil)
	require.NoError(t, err)
	app := db.Appender(t.Context())
	begin := time.Now().Add(-time.Hour).UnixMilli()
	for i := range int64(300) {
		_, err := app.Append(0, labels.FromStrings("__name__", "gas_ch4_lel_percent"), begin+i*10_000, float64(i))
		require.NoError(t, err)
	}
	require.NoError(t, app.Commit())
	require.NoError(t, db.Close())

	found, err := findTSDB(root)
	require.NoError(t, err)
	require.Equal(t, dir, found)
	_, err = compactHead(t.Context(), dir)
	require.NoError(t, err)
	metas, err := filepath.Glob(filepath.Join(dir, "*", "meta.json"))
	require.NoError(t, err)
	require.NotEmpty(t, metas)

	_, err = findTSDB(t.TempDir())
	require.ErrorContains(t, err, "no write-ahead log below")
}
