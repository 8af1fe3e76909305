package app

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/loadtest/hj212"
)

const outfallMN = "010000A8900016F000169DC0"

const outfallCatalog = `assets:
- {id: outfall-3, domain: water, name: Outfall 3, external: {hj212_mn: 010000A8900016F000169DC0}}
`

// samples asks for all samples of a selector in the last three days.
func (r *running) samples(t *testing.T, selector string) (all []string) {
	t.Helper()
	status, text := r.do(t, "GET", "/api/v1/query?query="+url.QueryEscape(selector+"[3d]"), "")
	require.Equal(t, 200, status, text)
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &answer))
	for _, series := range answer.Data.Result {
		for _, v := range series.Values {
			all = append(all, fmt.Sprintf("%s %s %s @%.0f", series.Metric["asset"], series.Metric["period"], v[1], v[0]))
		}
	}
	return all
}

func (r *running) hj212Conn(t *testing.T) *hj212.Conn {
	t.Helper()
	c, err := hj212.Dial(r.hj212Addr.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestAMonitorThatSpeaksHJ212IsHeardAndAnswered(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "catalog.yml", outfallCatalog)
	put(t, dir, "password", "secret\n")
	text := `
timezone: Asia/Shanghai
rules: []
catalog: [DIR/catalog.yml]
inputs:
  hj212:
    listen: 127.0.0.1:0
    stations:
      - {mn: 010000A8900016F000169DC0, password_file: DIR/password, labels: {operator: east}}
`
	r := run(t, dir, text)
	c := r.hj212Conn(t)
	china, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	now := time.Now().In(china).Truncate(time.Second)
	device := hj212.Device{MN: outfallMN, PW: "secret", ST: "32"}
	stamp := func(at time.Time) string { return at.Format("20060102150405") }

	realTime := device.Segment("1", 2011, 5, "DataTime="+stamp(now)+";w01018-Rtd=42.5,w01018-Flag=N;w21003-Rtd=900,w21003-Flag=D")
	require.NoError(t, c.Report(realTime, "1", time.Minute))
	require.Equal(t, []string{fmt.Sprintf("outfall-3  42.5 @%d", now.Unix())}, r.samples(t, `water_cod_mg_per_l{operator="east"}`))
	require.Empty(t, r.samples(t, `water_nh3_n_mg_per_l`), "a value of a broken analyzer wakes nobody")
	require.Len(t, r.samples(t, `water_nh3_n_mg_per_l_flagged{flag="D"}`), 1)

	// The report of a day comes when the day is over, with the time of its beginning.
	day := time.Date(now.Year(), now.Month(), now.Day()-1, 0, 0, 0, 0, china)
	require.NoError(t, c.Report(device.Segment("2", 2031, 5, "DataTime="+stamp(day)+";w01018-Avg=40,w01018-Flag=N"), "2", time.Minute))
	require.Equal(t, []string{fmt.Sprintf("outfall-3 day 40 @%d", day.Unix())}, r.samples(t, `water_cod_mg_per_l_avg`))

	// Sent again, it is answered again, and there once.
	require.NoError(t, c.Report(realTime, "1", time.Minute))
	require.Len(t, r.samples(t, `water_cod_mg_per_l`), 1)

	// Another value for the same instant is not taken, and not answered.
	_, err = c.Write(hj212.Frame(device.Segment("3", 2011, 5, "DataTime="+stamp(now)+";w01018-Rtd=43")))
	require.NoError(t, err)
	require.NoError(t, c.Report(device.Segment("4", 9015, 5, ""), "4", time.Minute), "nothing is answered before")
	require.Len(t, r.samples(t, `device_last_seen_timestamp_seconds{asset="outfall-3", operator="east"}`), 1)

	_, text = r.do(t, "GET", "/metrics", "")
	require.Contains(t, text, `belfry_input_refused_total{input="hj212",reason="conflict"} 1`)
	require.Contains(t, text, `belfry_hj212_connections 1`)
	require.Contains(t, text, `belfry_hj212_acknowledged_total 4`)
}

func TestStationsOfHJ212AreReloaded(t *testing.T) {
	dir := t.TempDir()
	text := "rules: []\ninputs: {hj212: {listen: '127.0.0.1:0', stations: [{mn: A, password: a, asset: one}], codes: {x1: gas_ch4_lel_percent}}}\n"
	r := run(t, dir, text)
	current := text
	r.opts.Read = func() (*config.Config, error) {
		return config.Parse(r.cfg.File, fmt.Appendf(nil, "listen: 127.0.0.1:0\ndata_dir: %s/data\n%s", dir, current))
	}
	c := r.hj212Conn(t)
	b := hj212.Device{MN: "B", PW: "b", ST: "22"}
	area := "DataTime=" + time.Now().Format("20060102150405") + ";x1-Rtd=3;x2-Rtd=4"
	send := func(qn string) {
		_, err := c.Write(hj212.Frame(b.Segment(qn, 2011, 5, area)))
		require.NoError(t, err)
	}
	send("1")
	require.NoError(t, c.Report(hj212.Device{MN: "A", PW: "a", ST: "22"}.Segment("2", 2011, 5, area), "2", time.Minute))
	require.Len(t, r.samples(t, `gas_ch4_lel_percent{asset="one"}`), 1)
	require.Len(t, r.samples(t, `hj212_x2_rtd{asset="one"}`), 1)

	current = strings.Replace(text, "[{mn: A", "[{mn: B, password: b}, {mn: A", 1)
	current = strings.Replace(current, "codes: {", "codes: {x2: gas_h2s_ppm, ", 1)
	needRestart, err := r.Reload(t.Context())
	require.NoError(t, err)
	require.Empty(t, needRestart)
	require.NoError(t, c.Report(b.Segment("3", 2011, 5, area), "3", time.Minute))
	require.Len(t, r.samples(t, `gas_h2s_ppm{asset="B"}`), 1)

	current = strings.Replace(current, "listen:", "idle_timeout: 10m, listen:", 1)
	needRestart, err = r.Reload(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"inputs"}, needRestart)
}

func TestHJ212OverTLS(t *testing.T) {
	dir := t.TempDir()
	selfSigned(t, dir)
	r := run(t, dir, "rules: []\ntls: {cert: DIR/cert.pem, key: DIR/key.pem}\ninputs: {hj212: {listen: '127.0.0.1:0', tls: true}}\n")
	raw, err := tls.Dial("tcp", r.hj212Addr.String(), &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	defer func() { _ = raw.Close() }()
	c := hj212.NewConn(raw)
	require.NoError(t, c.Report(hj212.Device{MN: "A", PW: "a", ST: "22"}.Segment("1", 9015, 5, ""), "1", time.Minute))
}

func TestFramesOfHJ212MayBePosted(t *testing.T) {
	r := run(t, t.TempDir(), "rules: []\n")
	require.Nil(t, r.hj212Addr, "it is not listened for unless that is said")
	frame := hj212.Frame(hj212.Device{MN: "A", PW: "a", ST: "22"}.Segment("1", 2011, 5, "DataTime="+time.Now().Format("20060102150405")+";w01001-Rtd=7"))
	status, text := r.do(t, "POST", "/api/belfry/v1/in/hj212?asset=outfall", string(frame))
	require.Equal(t, 200, status, text)
	require.Len(t, r.samples(t, `water_ph{asset="outfall"}`), 1)
	status, text = r.do(t, "POST", "/api/belfry/v1/in/hj212", strings.Replace(string(frame), "Rtd=7", "Rtd=8", 1))
	require.Equal(t, 400, status)
	require.Contains(t, text, "bad_checksum")
}

func TestAnHJ212PortThatIsTakenIsSaid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	dir := t.TempDir()
	c, err := config.Parse(filepath.Join(dir, "belfry.yml"), fmt.Appendf(nil, "listen: 127.0.0.1:0\nrules: []\ninputs: {hj212: {listen: %q}}\n", l.Addr()))
	require.NoError(t, err)
	_, err = New(t.Context(), Options{Config: c, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
	require.ErrorContains(t, err, "key inputs.hj212.listen")
}

func TestEveryReadingOfAFleetIsAnsweredAndThere(t *testing.T) {
	r := run(t, t.TempDir(), "rules: []\ninputs: {hj212: {listen: '127.0.0.1:0'}}\n")
	const devices = 300
	fleet, err := hj212.Connect(t.Context(), hj212.FleetOptions{Addr: r.hj212Addr.String(), Devices: devices, Pollutants: 3, Password: "x"})
	require.NoError(t, err)
	defer fleet.Close()
	res := fleet.Run(t.Context(), time.Second)
	require.Zero(t, res.Lost)
	require.Equal(t, devices, res.Connected)
	require.NotZero(t, res.Readings)
	// A report has one reading of each of three pollutants.
	status, text := r.do(t, "GET", "/api/v1/query?query="+url.QueryEscape(`sum(count_over_time(water_cod_mg_per_l[2d]))`), "")
	require.Equal(t, 200, status, text)
	require.Contains(t, text, fmt.Sprintf(`"%d"]`, res.Reports))
	require.Equal(t, 3*res.Reports, res.Readings)
}

// acknowledged are the readings that devices have had acknowledged: values by
// asset and second.
type acknowledged struct {
	mu  sync.Mutex
	all map[string]map[int64]string
	n   int
}

// reportUntilKilled sends as fast as it is answered, each report with a time of
// its own, and notes what was acknowledged.
func (a *acknowledged) reportUntilKilled(addr string, device int, clock int64) {
	c, err := hj212.Dial(addr)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	d := hj212.Device{MN: fmt.Sprintf("D%d", device), PW: "x", ST: "32"}
	for ; ; clock++ {
		qn := fmt.Sprint(clock)
		value := fmt.Sprint(float64((clock*31+int64(device))%1009) / 4)
		at := time.Unix(clock, 0).UTC().Format("20060102150405")
		if err := c.Report(d.Segment(qn, 2011, 5, "DataTime="+at+";w01018-Rtd="+value+",w01018-Flag=N"), qn, 10*time.Second); err != nil {
			return
		}
		a.mu.Lock()
		if a.all[d.MN] == nil {
			a.all[d.MN] = map[int64]string{}
		}
		a.all[d.MN][clock] = value
		a.n++
		a.mu.Unlock()
	}
}

func (a *acknowledged) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.n
}

func (a *acknowledged) check(t *testing.T, base string) {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	getJSON(t, base+"/api/v1/query?query="+url.QueryEscape("water_cod_mg_per_l[3d]"), &answer)
	stored := map[string]map[int64]string{}
	for _, r := range answer.Data.Result {
		at := map[int64]string{}
		for _, v := range r.Values {
			at[int64(v[0].(float64)+0.5)] = v[1].(string)
		}
		stored[r.Metric["asset"]] = at
	}
	missing := 0
	for device, at := range a.all {
		for clock, v := range at {
			if stored[device][clock] != v {
				missing++
			}
		}
	}
	require.NotZero(t, a.n)
	require.Zero(t, missing, "of %d acknowledged readings", a.n)
}

// TestTortureHJ212ByKill kills Belfry while devices report. After each start
// every reading that was acknowledged with 9014 is there.
func TestTortureHJ212ByKill(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "belfry.yml"), fmt.Appendf(nil,
		"listen: 127.0.0.1:0\ndata_dir: data\ntimezone: UTC\nrules: []\ninputs: {hj212: {listen: %q}}\n", addr), 0o666))
	a := &acknowledged{all: map[string]map[int64]string{}}
	// Readings of the past hours, so that devices need not wait for the clock.
	clock := time.Now().Add(-20 * time.Hour).Unix()
	for life := range kills() + 1 {
		c := startChild(t, dir)
		if life > 0 {
			a.check(t, c.url)
		}
		before := a.count()
		var devices sync.WaitGroup
		for d := range 20 {
			devices.Go(func() { a.reportUntilKilled(addr, d, clock) })
		}
		require.Eventually(t, func() bool { return a.count() > before+500 }, time.Minute, time.Millisecond)
		sig := syscall.SIGKILL
		if life == kills() {
			sig = syscall.SIGTERM
		}
		c.end(t, sig)
		devices.Wait()
		clock += 3600
	}
	c := startChild(t, dir)
	a.check(t, c.url)
	c.end(t, syscall.SIGTERM)
}
