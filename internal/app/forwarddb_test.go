package app

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestNamesAndLabelsAreTheSameInVictoriaMetrics sends what is hard to spell, in
// both ways.
func TestNamesAndLabelsAreTheSameInVictoriaMetrics(t *testing.T) {
	vm := newVictoriaMetrics(t)
	r := run(t, t.TempDir(), `rules: []
devices: {max: 0}
forward:
  - {name: line, type: victoriametrics, url: "`+vm.url()+`/api/v2/write", filter: ['{asset!=""}'], labels: {way: line}, compression: gzip}
  - {name: client, type: influxdb2, url: "`+vm.url()+`", org: o, bucket: b, filter: ['{asset!=""}'], labels: {way: client}, compression: gzip}
`)
	at := time.Now().UnixMilli()
	var body strings.Builder
	for i, key := range []string{
		`gas,asset=w1 ch4_lel_percent`, `up,asset=w1 value`, `cpu,asset=w1 usage`, `sensor_value,asset=w1 value`, `a_b_value,asset=w1 value`,
		`x,asset=a\ b v`, `x,asset=a\,b v`, `x,asset=a\=b v`, `x,asset=C:\dir v`, `x,asset=two\\slashes v`, `x,asset="quoted" v`, `x,asset=井盖 v`,
		`水位,asset=w1 米`, `a\ b\,c,asset=w1,la\ bel=v d\ e`,
	} {
		fmt.Fprintf(&body, "%s=%d.25 %d000000\n", key, i, at)
	}
	r.write(t, body.String())
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	getJSON(t, r.URL()+"/api/v1/query?query="+url.QueryEscape(`{asset!=""}[1h]`), &answer)
	var here []string
	for _, r := range answer.Data.Result {
		here = append(here, fmt.Sprintf("%v %v", r.Metric, r.Values[0][1]))
	}
	sort.Strings(here)
	require.Len(t, here, 14)
	for _, way := range []string{"line", "client"} {
		var there []string
		require.Eventually(t, func() bool {
			there = vm.series(`{way="`+way+`"}`, "way")
			return len(there) >= len(here)
		}, 30*time.Second, 200*time.Millisecond, "%v", there)
		require.Equal(t, here, there, way)
	}
}

// series are the labels and first values of what a selector selects, without one
// of the labels.
func (vm *victoriaMetrics) series(selector, without string) (all []string) {
	resp, err := http.Get(vm.url() + "/api/v1/export?match[]=" + url.QueryEscape(selector))
	if err != nil {
		return nil
	}
	defer func() { _ = resp.Body.Close() }()
	for dec := json.NewDecoder(resp.Body); ; {
		var series struct {
			Metric map[string]string
			Values []float64
		}
		if dec.Decode(&series) != nil {
			sort.Strings(all)
			return all
		}
		delete(series.Metric, without)
		all = append(all, fmt.Sprintf("%v %v", series.Metric, series.Values[0]))
	}
}

// TestInfluxDBOneHasEverythingAlthoughItIsKilled uses the server that Debian has.
func TestInfluxDBOneHasEverythingAlthoughItIsKilled(t *testing.T) {
	dir := t.TempDir()
	var ports [2]string
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		ports[i] = l.Addr().String()
		require.NoError(t, l.Close())
	}
	file := filepath.Join(dir, "influxd.conf")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `bind-address = %q
reporting-disabled = true
[meta]
  dir = %q
[data]
  dir = %q
  wal-dir = %q
[http]
  bind-address = %q
`, ports[0], filepath.Join(dir, "meta"), filepath.Join(dir, "db"), filepath.Join(dir, "wal"), ports[1]), 0o666))
	start := func() *exec.Cmd {
		cmd := exec.Command(tool(t, "influxd"), "-config", file)
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool {
			resp, err := http.Get("http://" + ports[1] + "/ping")
			return err == nil && resp.Body.Close() == nil && resp.StatusCode == 204
		}, time.Minute, 10*time.Millisecond, "InfluxDB should start")
		return cmd
	}
	influx := start()
	t.Cleanup(func() {
		_ = influx.Process.Kill()
		_ = influx.Wait()
	})
	query := func(q string) (series []struct{ Values [][]any }) {
		resp, err := http.PostForm("http://"+ports[1]+"/query", url.Values{"db": {"readings"}, "q": {q}})
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		var answer struct {
			Results []struct {
				Series []struct{ Values [][]any }
			}
		}
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
		require.Len(t, answer.Results, 1)
		return answer.Results[0].Series
	}
	query("CREATE DATABASE readings")

	r := run(t, dir, `rules: []
forward:
  - {name: influx, type: influxdb1, url: "http://`+ports[1]+`", bucket: readings, filter: ['{asset!=""}']}
`)
	at := time.Now().Add(-time.Hour).UnixMilli()
	const n = 2000
	for i := range n {
		if i == n/2 {
			require.NoError(t, influx.Process.Signal(syscall.SIGKILL))
			_ = influx.Wait()
		}
		r.write(t, fmt.Sprintf("gas,asset=w\\ %d ch4_percent=%d.5 %d000000", i%10, i, at+int64(i)))
	}
	influx = start()
	require.Eventually(t, func() bool {
		series := query(`SELECT COUNT(percent), SUM(percent) FROM gas_ch4`)
		return len(series) == 1 && series[0].Values[0][1] == float64(n) && series[0].Values[0][2] == float64(n)*(n-1)/2+n*0.5
	}, time.Minute, 100*time.Millisecond)
}
