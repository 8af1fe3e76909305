package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

// Somebody writes into a pipe, row by row, and reads what is said of each before writing the next one; then comes Ctrl-C.
func TestAPipeIsJudgedRowByRowUntilItIsInterrupted(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	in, err := os.OpenFile(pipe, os.O_RDWR, 0) // does not wait for who reads
	require.NoError(t, err)
	defer func() { require.NoError(t, in.Close()) }()
	out, stdout := io.Pipe()
	var stderr bytes.Buffer
	ctx, interrupt := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"backtest", "anomaly", "--csv", pipe, "--time-column", "t", "--value-column", "v", "--model", "band"},
			&globals{stdout: stdout, stderr: &stderr, kinds: model.Kinds()})
		_ = stdout.Close()
	}()

	write := func(text string) {
		_, err := in.WriteString(text)
		require.NoError(t, err)
	}
	lines := bufio.NewScanner(out)
	read := func(want string) {
		require.True(t, lines.Scan(), lines.Err())
		require.Equal(t, want, lines.Text())
	}
	write("t,v\n2026-05-01 08:00,1\n")
	read("timestamp,value,anomaly_score,expected,lower,upper")
	read("2026-05-01 08:00,1,0,,,")
	write("2026-05-01 08:01,2\n2026-05-01 08:02,3\n2026-05-01 08")
	read("2026-05-01 08:01,2,0,,,")
	read("2026-05-01 08:02,3,0,,,")
	write(":03,4\n")
	read("2026-05-01 08:03,4,0,,,")
	interrupt()
	require.False(t, lines.Scan())
	require.Equal(t, exitFailed, <-code)
	require.Equal(t, pipe+": rows: 4, of v; model band\n  alarms   0 (0 a day)\n"+
		"belfry: interrupted while rows of "+pipe+" were judged; rows so far: 4\n", stderr.String())
}

func TestABacktestOfRulesThatIsInterruptedSaysHowFarItWas(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, storeWells(filepath.Join(dir, "tsdb")))
	var stdout, stderr bytes.Buffer
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	require.Equal(t, exitFailed, run(ctx, []string{"backtest", "rules", "--data", dir, "--timezone", "Asia/Shanghai"}, &globals{stdout: &stdout, stderr: &stderr}))
	require.Empty(t, stdout.String())
	require.Equal(t, "belfry: interrupted while rules were evaluated at 2026-05-01T17:30:00+08:00, on the way from 2026-05-01T17:30:00+08:00 to 2026-05-01T18:29:50+08:00\n", stderr.String())
}
