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
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestHazardScripts runs the stories in testdata/hazards, each of which may serve
// on the address FREE.
func TestHazardScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/hazards", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Values[watchedKey{}] = &watched{}
			free, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Setenv("FREE", free.Addr().String())
			return free.Close()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await": await, "awaitmetric": awaitMetric, "post": post, "id": id, "watch": watch, "seen": seen,
		},
	})
}

// until tries until it is right, for a minute.
func until(ts *testscript.TestScript, what string, right func() (bool, string)) {
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, last := right()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("%s did not come; the last was: %s", what, last)
		}
	}
}

// await runs a program until its output is as wanted: await REGEXP PROGRAM ARG…
func await(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile("(?m)" + args[0])
	until(ts, args[0], func() (bool, string) {
		err := ts.Exec(args[1], args[2:]...)
		out := ts.ReadFile("stdout")
		return err == nil && want.MatchString(out), out
	})
}

// awaitMetric waits until a page of metrics has a line: awaitmetric URL LINE
func awaitMetric(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, args[1], func() (bool, string) {
		resp, err := http.Get(args[0])
		if err != nil {
			return false, err.Error()
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		return err == nil && bytes.Contains(text, []byte("\n"+args[1]+"\n")), string(text)
	})
}

// post sends lines: post URL LINES
func post(ts *testscript.TestScript, _ bool, args []string) {
	resp, err := http.Post(args[0], "", strings.NewReader(args[1]))
	ts.Check(err)
	ts.Check(resp.Body.Close())
	if resp.StatusCode != http.StatusNoContent {
		ts.Fatalf("%s", resp.Status)
	}
}

// id puts the id of the first hazard that a program prints into a variable, in
// small letters and without the dash: id NAME PROGRAM ARG…
func id(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec(args[1], args[2:]...))
	var h struct{ ID string }
	ts.Check(json.NewDecoder(strings.NewReader(ts.ReadFile("stdout"))).Decode(&h))
	ts.Setenv(args[0], strings.ToLower(strings.ReplaceAll(h.ID, "-", "")))
}

// watched is a belfry that goes on while the script does.
type watched struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

type watchedKey struct{}

// watch starts a belfry: watch ARG…
func watch(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value(watchedKey{}).(*watched)
	self, err := os.Executable()
	ts.Check(err)
	w.cmd = exec.Command(self)
	w.cmd.Args = append([]string{"belfry"}, args...)
	out, err := w.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(w.cmd.Start())
	lost := time.AfterFunc(time.Minute, func() { _ = w.cmd.Process.Kill() })
	ts.Defer(func() {
		lost.Stop()
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait()
	})
	w.lines = bufio.NewScanner(out)
}

// seen waits until the belfry that is watched has printed a line, and has it end
// as by Ctrl-C: seen REGEXP
func seen(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value(watchedKey{}).(*watched)
	for want := regexp.MustCompile(args[0]); w.lines.Scan(); {
		if want.MatchString(w.lines.Text()) {
			ts.Check(w.cmd.Process.Signal(os.Interrupt))
			ts.Check(w.cmd.Wait())
			return
		}
	}
	ts.Fatalf("%s was not printed", args[0])
}
