package pager

import (
	"bufio"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// The test binary is started again as a Pager that can be killed; these tell it so.
const (
	childDir    = "BELFRY_TEST_PAGER_DIR"
	childConfig = "BELFRY_TEST_PAGER_CONFIG"
)

// runChild serves a Pager until it is killed. It prints the address of its API.
func runChild(dir string) int {
	p, err := New(Options{
		DataDir: dir, ConfigFile: os.Getenv(childConfig),
		Logger:     slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Registerer: prometheus.NewRegistry(), Metrics: metrics.NewSet(),
	})
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = fmt.Fprintln(os.Stdout, httptest.NewServer(p.Handler()).URL)
	select {}
}

// child is a Pager in a process of its own.
type child struct {
	*harness
	cmd *exec.Cmd
}

func startChild(t *testing.T, dir, config string) *child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childConfig+"="+config)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	url, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	c := &child{harness: &harness{api: &httptest.Server{URL: url[:len(url)-1]}}, cmd: cmd}
	t.Cleanup(c.kill)
	return c
}

// kill is SIGKILL: the child does nothing more.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}
