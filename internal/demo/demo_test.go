package demo_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/demo"
	"github.com/belfry-city/belfry/loadtest/prom"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is far more than a demo needs for anything that is waited for here.
const patience = 3 * time.Minute

// running is a demo that speaks JSON.
type running struct {
	t     *testing.T
	stop  context.CancelFunc
	lines *bufio.Scanner
	err   chan error
}

func start(t *testing.T, o demo.Options) *running {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	out, in := io.Pipe()
	o.Listen, o.JSON, o.Stdout, o.Stderr = "127.0.0.1:0", true, in, t.Output()
	o.Scale = 0.05
	r := &running{t: t, stop: cancel, lines: bufio.NewScanner(out), err: make(chan error, 1)}
	go func() {
		err := demo.Run(ctx, o)
		_ = in.Close()
		r.err <- err
	}()
	return r
}

// line is any line of a demo's.
type line struct {
	pager.Page
	URL             string  `json:"url"`
	MQTT            string  `json:"mqtt"`
	HJ212           string  `json:"hj212"`
	DataDir         string  `json:"data_dir"`
	ReadingsStored  int     `json:"readings_stored"`
	ReadingsRefused int     `json:"readings_refused"`
	PerSecond       float64 `json:"readings_per_second"`
	Series          int     `json:"series"`
	Trouble         string  `json:"trouble"`
	Pages           int     `json:"pages"`
	Resolved        int     `json:"resolved"`
	Open            int     `json:"open"`
	By              []struct {
		Domain, Severity string
		Pages            int
	} `json:"by"`
	Latencies struct{ P50, P99, Max float64 } `json:"latencies_ms"`
}

// until returns the next line for which found is true.
func (r *running) until(found func(line) bool) line {
	r.t.Helper()
	for r.lines.Scan() {
		var l line
		require.NoError(r.t, json.Unmarshal(r.lines.Bytes(), &l), r.lines.Text())
		if found(l) {
			return l
		}
	}
	r.t.Fatalf("the demo has ended: %v", <-r.err)
	return line{}
}

func ofType(kind string) func(line) bool { return func(l line) bool { return l.Type == kind } }

func TestPagesComeFromThreeDomainsAndNothingIsLeftBehind(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	d := start(t, demo.Options{NoPast: true})
	opening := d.until(ofType("start"))
	require.Equal(t, tmp, filepath.Dir(opening.DataDir))

	pages := map[string]line{} // by domain
	d.until(func(l line) bool {
		if l.Type == "page" && l.Status == pager.Firing && l.Unit != "" { // what cameras see has none
			pages[l.Domain] = l
		}
		return len(pages) >= 3
	})
	for domain, p := range pages {
		require.NotEmpty(t, p.Team, domain)
		require.NotEmpty(t, p.Street, domain)
		require.NotEmpty(t, p.District, domain)
		require.NotEmpty(t, p.Name, domain)
		require.NotEmpty(t, p.NameZH, domain)
		require.NotEmpty(t, p.Asset, domain)
		require.NotEmpty(t, p.Rule, domain)
		require.NotEmpty(t, p.Severity, domain)
		require.NotEmpty(t, p.Unit, domain)
		require.NotEmpty(t, p.Hazard, domain)
		require.NotNil(t, p.Value, domain)
		require.NotNil(t, p.Limit, domain)
		require.NotEqual(t, *p.Limit, *p.Value, domain)
		require.Positive(t, p.LatencyMS, domain)
		require.True(t, p.ReadingTime.Before(p.Time), domain)
	}

	replayed := ask(t, opening.URL, `parking_lot_occupied{asset=~"AARHUS-.+"} <= on (asset) group_left () (10 * parking_lot_capacity)`)
	require.Len(t, replayed, 8, "eight car parks of Aarhus")
	require.Len(t, ask(t, opening.URL, `asset_info{asset=~"AARHUS-.+",team="urban_management",street!="",name_zh!=""}`), 8)
	require.Len(t, ask(t, opening.URL, `tunnel_co_ppm{asset="UCI-AIR"} < 70`), 1, "air beside an Italian road")
	status := d.until(ofType("status"))
	require.Positive(t, status.Series)
	require.Empty(t, status.Trouble)

	d.stop()
	summary := d.until(ofType("summary"))
	require.NoError(t, <-d.err)
	require.Zero(t, summary.ReadingsRefused)
	require.Greater(t, summary.ReadingsStored, status.ReadingsStored/2)
	require.GreaterOrEqual(t, summary.Pages, 3)
	require.GreaterOrEqual(t, len(summary.By), 3)
	require.Equal(t, summary.Pages, summary.Open+summary.Resolved)
	require.Positive(t, summary.Latencies.P50)
	require.GreaterOrEqual(t, summary.Latencies.Max, summary.Latencies.P99)
	require.GreaterOrEqual(t, summary.Latencies.P99, summary.Latencies.P50)
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestWhatAnyoneElsePublishesIsPagedToo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	d := start(t, demo.Options{NoPast: true})
	opening := d.until(ofType("start"))
	host, port, err := net.SplitHostPort(opening.MQTT)
	require.NoError(t, err)
	pub, err := exec.LookPath("mosquitto_pub")
	require.NoError(t, err, "make tools installs it")
	out, err := exec.Command(pub, "-h", host, "-p", port, "-q", "1", "-t", "city/yuzhong/W-1/line", "-m", "gas ch4_lel_percent=55").CombinedOutput()
	require.NoError(t, err, string(out))
	page := d.until(func(l line) bool { return l.Type == "page" && l.Asset == "W-1" })
	require.Equal(t, "critical", page.Severity)
	require.EqualValues(t, 55, *page.Value)

	station, err := net.Dial("tcp", opening.HJ212)
	require.NoError(t, err)
	require.NoError(t, station.Close())
	d.stop()
	d.until(ofType("summary"))
	require.NoError(t, <-d.err)
}

func ask(t *testing.T, url, expr string) []prom.Series {
	t.Helper()
	client := prom.NewClient(url, "")
	defer client.Close()
	answer, err := client.Query(t.Context(), expr, time.Now())
	require.NoError(t, err)
	series, err := answer.Series()
	require.NoError(t, err)
	return series
}

func TestANamedDirectoryIsKeptAndGoneOnWith(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	stored := func() float64 {
		d := start(t, demo.Options{DataDir: dir, NoPast: true})
		url := d.until(ofType("start")).URL
		d.until(func(l line) bool { return l.Type == "status" && l.ReadingsStored > 0 })
		count := ask(t, url, `count_over_time(parking_lot_occupied{asset="AARHUS-SALLING"}[1h])`)
		require.Len(t, count, 1)
		d.stop()
		require.Equal(t, dir, d.until(ofType("summary")).DataDir)
		require.NoError(t, <-d.err)
		return count[0].Samples[0].Value
	}
	first := stored()
	require.Greater(t, stored(), first)
	require.DirExists(t, filepath.Join(dir, "tsdb"))
}

func TestTwoDemosDoNotShareADirectory(t *testing.T) {
	dir := t.TempDir()
	first := start(t, demo.Options{DataDir: dir, NoPast: true})
	first.until(ofType("start"))
	second := start(t, demo.Options{DataDir: dir, NoPast: true})
	require.False(t, second.lines.Scan())
	require.EqualError(t, <-second.err, dir+" is in use by another Belfry; name another directory by --data-dir, or none for a temporary one")
	first.stop()
	first.until(ofType("summary"))
	require.NoError(t, <-first.err)
}

func TestItStopsByItself(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	require.NoError(t, demo.Run(t.Context(), demo.Options{
		NoPast: true,
		Listen: "127.0.0.1:0", Duration: 2 * time.Second, Language: config.LanguageChinese, Stdout: &out, Stderr: t.Output(),
	}))
	require.Contains(t, out.String(), "http://127.0.0.1:")
	require.Contains(t, out.String(), "运行 2s 小结")
	require.NotContains(t, out.String(), "\x1b", "no terminal, no control characters")
	require.True(t, strings.HasSuffix(out.String(), "数据目录已删除，没有留下任何东西。\n"))
}

func TestWhoStopsItBeforeItHasBegunLeavesNothing(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var out bytes.Buffer
	require.NoError(t, demo.Run(ctx, demo.Options{Listen: "127.0.0.1:0", Stdout: &out, Stderr: t.Output()}))
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestWhatCannotWorkIsSaidInOneLineWithWhatToDo(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = busy.Close() })
	inTheWay := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(inTheWay, nil, 0o600))
	tmp := t.TempDir()
	for _, test := range []struct {
		story string
		o     demo.Options
		env   string
		want  []string
	}{
		{"a busy port", demo.Options{Listen: busy.Addr().String()}, tmp, []string{busy.Addr().String(), "in use", "--listen 127.0.0.1:0"}},
		{"no address", demo.Options{Listen: "here"}, tmp, []string{"here", "--listen"}},
		{"beyond loopback", demo.Options{Listen: "0.0.0.0:0"}, tmp, []string{"0.0.0.0:0", "--insecure"}},
		{"a directory that cannot be made", demo.Options{DataDir: filepath.Join(inTheWay, "data")}, tmp, []string{inTheWay, "--data-dir"}},
		{"a directory that is a file", demo.Options{DataDir: inTheWay}, tmp, []string{inTheWay, "--data-dir"}},
		{"no temporary directory", demo.Options{}, inTheWay, []string{inTheWay, "--data-dir"}},
		{"an address that is none", demo.Options{ExternalURL: "belfry.example"}, tmp, []string{"--external-url", "https://belfry.example.org/", `"belfry.example"`}},
		{"standing still", demo.Options{Speed: 1}, tmp, []string{"--speed", "20 to 3600"}},
		{"a city that is too large", demo.Options{Scale: 50}, tmp, []string{"--scale", "0.05 to 5"}},
		{"a time that is over", demo.Options{Duration: -time.Second}, tmp, []string{"--duration"}},
	} {
		t.Run(test.story, func(t *testing.T) {
			t.Setenv("TMPDIR", test.env)
			var out bytes.Buffer
			test.o.Stdout, test.o.Stderr = &out, &out
			if test.o.Listen == "" {
				test.o.Listen = "127.0.0.1:0"
			}
			err := demo.Run(t.Context(), test.o)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "\n")
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			require.Empty(t, out.String())
			left, err := os.ReadDir(tmp)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}
