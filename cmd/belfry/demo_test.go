package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// TestDemoScripts runs the stories in testdata/demo, in which BUSY is an
// address that somebody listens on.
func TestDemoScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/demo", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			busy, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Defer(func() { _ = busy.Close() })
			env.Setenv("BUSY", busy.Addr().String())
			return nil
		},
	})
}

// demoProcess is belfry demo --json as a program of its own, whose temporary
// directory is in tmp.
type demoProcess struct {
	*exec.Cmd
	tmp    string
	url    string
	stdout io.ReadCloser
	lines  *bufio.Scanner
	stderr bytes.Buffer
}

func startDemo(t *testing.T) *demoProcess {
	return startDemoWith(t, "--listen", "127.0.0.1:0", "--no-past")
}

func startDemoWith(t *testing.T, args ...string) *demoProcess {
	self, err := os.Executable()
	require.NoError(t, err)
	d := &demoProcess{Cmd: exec.Command(self), tmp: t.TempDir()}
	d.Args = append([]string{"belfry", "demo", "--json"}, args...)
	d.Env = append(os.Environ(), "TMPDIR="+d.tmp)
	d.Stderr = &d.stderr
	d.stdout, err = d.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, d.Start())
	const patience = 2 * time.Minute
	lost := time.AfterFunc(patience, func() { _ = d.Process.Kill() })
	t.Cleanup(func() { lost.Stop() })
	d.lines = bufio.NewScanner(d.stdout)
	d.url = d.until(t, "start")
	d.until(t, "status")
	return d
}

// until reads to a line of a kind, and returns the address in it.
func (d *demoProcess) until(t *testing.T, kind string) (url string) {
	t.Helper()
	for d.lines.Scan() {
		var line struct{ Type, URL string }
		require.NoError(t, json.Unmarshal(d.lines.Bytes(), &line))
		if line.Type == kind {
			return line.URL
		}
	}
	t.Fatalf("the demo ended before %s: %s", kind, d.stderr.String())
	return ""
}

func (d *demoProcess) leavesNothing(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(d.tmp)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Empty(t, d.stderr.String())
}

func TestADemoThatIsStoppedLeavesNothingBehind(t *testing.T) {
	for name, signals := range map[string][]os.Signal{
		"Ctrl-C":              {os.Interrupt},
		"impatient Ctrl-C":    {os.Interrupt, os.Interrupt, os.Interrupt},
		"SIGTERM":             {syscall.SIGTERM},
		"a closed window":     {syscall.SIGHUP},
		"a closed window too": {os.Interrupt, syscall.SIGHUP, syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			d := startDemo(t)
			for _, s := range signals {
				require.NoError(t, d.Process.Signal(s))
			}
			d.until(t, "summary")
			require.NoError(t, d.Wait())
			d.leavesNothing(t)
		})
	}
}

func TestADemoThatNobodyReadsEnds(t *testing.T) {
	d := startDemo(t)
	require.NoError(t, d.stdout.Close())
	require.NoError(t, d.Wait())
	d.leavesNothing(t)
}

// TestADemoGoesOnWhenAClientHangsUp sends what the kernel sends where an answer is
// written to a connection that is closed.
func TestADemoGoesOnWhenAClientHangsUp(t *testing.T) {
	d := startDemo(t)
	require.NoError(t, d.Process.Signal(syscall.SIGPIPE))
	d.until(t, "status")
	d.until(t, "status")
	response, err := http.Get(d.url + "/-/ready")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.NoError(t, d.Process.Signal(os.Interrupt))
	d.until(t, "summary")
	require.NoError(t, d.Wait())
}
