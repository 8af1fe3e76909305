package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/httpapi/access"
)

// sbin finds a program that Debian keeps where only root looks.
func sbin(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path := filepath.Join("/usr/sbin", name)
	_, err := os.Stat(path)
	require.NoError(t, err, "%s is missing: run make tools", name)
	return path
}

// publish runs mosquitto_pub and returns what it says, with its exit code.
func publish(t *testing.T, addr string, args ...string) (said string, code int) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	cmd := exec.Command(sbin(t, "mosquitto_pub"), append([]string{"-h", host, "-p", port, "-d"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// count is how many samples of a metric are stored.
func storedCount(t *testing.T, base, metric string) int {
	t.Helper()
	resp, err := http.Get(base + "/api/v1/query?query=" + url.QueryEscape("sum(count_over_time("+metric+"[2d]))"))
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	if len(answer.Data.Result) == 0 {
		return 0
	}
	n, err := strconv.Atoi(answer.Data.Result[0].Value[1].(string))
	require.NoError(t, err)
	return n
}

const mqttTopicsText = `
    topics:
      - {match: "city/+district/+asset/reading", decoder: line, labels: {site: north}}
`

func TestMosquittoPublishesByAnyVersionAndQoS(t *testing.T) {
	r := run(t, t.TempDir(), "inputs:\n  mqtt:\n    listen: 127.0.0.1:0"+mqttTopicsText)
	addr, sent := r.MQTTAddr().String(), 0
	for _, version := range []string{"mqttv31", "mqttv311", "mqttv5"} {
		for qos, answer := range []string{"", "PUBACK", "PUBCOMP"} {
			sent++
			said, code := publish(t, addr, "-V", version, "-q", fmt.Sprint(qos), "-t", "city/yuzhong/W17/reading", "-m", fmt.Sprintf("gas ch4=%d", sent))
			require.Zero(t, code, said)
			require.Contains(t, said, answer)
		}
	}
	require.Eventually(t, func() bool { return storedCount(t, r.URL(), "gas_ch4") == sent }, 20*time.Second, 10*time.Millisecond)
	_, text := r.do(t, http.MethodGet, "/api/v1/series?match[]=gas_ch4", "")
	require.Contains(t, text, `"data":[{"__name__":"gas_ch4","asset":"W17","district":"yuzhong","site":"north"}]`)

	said, _ := publish(t, addr, "-V", "mqttv5", "-q", "1", "-t", "city/yuzhong/W17/reading", "-m", "gas")
	require.Contains(t, said, "Payload format invalid")
	require.Contains(t, said, "syntax: column 4: want a space and fields")
	said, _ = publish(t, addr, "-V", "mqttv5", "-q", "1", "-t", "somewhere/else", "-m", "gas ch4=1")
	require.Contains(t, said, "Topic Name invalid")
	said, code := publish(t, addr, "-V", "mqttv311", "-q", "1", "-t", "somewhere/else", "-m", "gas ch4=1")
	require.Zero(t, code, said)
	_, text = r.do(t, http.MethodGet, "/metrics", "")
	require.Contains(t, text, `belfry_mqtt_messages_total{outcome="refused"} 3`)
	require.Contains(t, text, `belfry_refused_total{reason="unknown_source"} 2`)
}

func TestMosquittoSubscribesToWhatOthersPublish(t *testing.T) {
	r := run(t, t.TempDir(), "inputs:\n  mqtt:\n    listen: 127.0.0.1:0"+mqttTopicsText)
	host, port, err := net.SplitHostPort(r.MQTTAddr().String())
	require.NoError(t, err)
	for _, version := range []string{"mqttv311", "mqttv5"} {
		const messages = 300
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		sub := exec.CommandContext(ctx, sbin(t, "mosquitto_sub"), "-h", host, "-p", port, "-V", version, "-q", "1", "-t", "city/#", "-C", fmt.Sprint(messages))
		out := new(strings.Builder)
		sub.Stdout = out
		require.NoError(t, sub.Start())
		require.Eventually(t, func() bool {
			_, text := r.do(t, http.MethodGet, "/metrics", "")
			return strings.Contains(text, "belfry_mqtt_subscriptions 1")
		}, 20*time.Second, 10*time.Millisecond)
		var lines strings.Builder
		for i := range messages {
			fmt.Fprintf(&lines, "gas %s=%d\n", version, i)
		}
		pub := exec.Command(sbin(t, "mosquitto_pub"), "-h", host, "-p", port, "-q", "1", "-t", "city/yuzhong/W17/reading", "-l")
		pub.Stdin = strings.NewReader(lines.String())
		require.NoError(t, pub.Run())
		require.NoError(t, sub.Wait())
		cancel()
		require.Equal(t, lines.String(), out.String())
		require.Eventually(t, func() bool { return storedCount(t, r.URL(), "gas_"+version) == messages }, 20*time.Second, 10*time.Millisecond,
			"a burst of readings without a time of their own: each has a millisecond to itself")
	}
}

func TestMQTTAsksForTokensAndSpeaksTLS(t *testing.T) {
	dir := t.TempDir()
	pool := selfSigned(t, dir)
	secret, hash := access.NewToken()
	reading, readingHash := access.NewToken()
	text := fmt.Sprintf("tls: {cert: cert.pem, key: key.pem}\nauth:\n  tokens:\n"+
		"    - {name: well-17, hash: %q, scopes: [write]}\n    - {name: wall, hash: %q, scopes: [read]}\n"+
		"inputs:\n  mqtt:\n    listen: 127.0.0.1:0%s", config.FormatHash(hash), config.FormatHash(readingHash), mqttTopicsText)
	r := run(t, dir, text)
	addr := r.MQTTAddr().String()
	message := []string{"-q", "1", "-t", "city/yuzhong/W17/reading", "-m", "gas ch4=1"}
	secured := append([]string{"--cafile", filepath.Join(dir, "cert.pem")}, message...)

	said, code := publish(t, addr, append(secured, "-u", "well-17", "-P", secret)...)
	require.Zero(t, code, said)
	require.Contains(t, said, "PUBACK")
	said, code = publish(t, addr, append(secured, "-u", "well-17", "-P", "wrong")...)
	require.NotZero(t, code)
	require.Contains(t, said, "not authorised")
	said, code = publish(t, addr, append(secured, "-V", "mqttv5", "-u", "well-17", "-P", "wrong")...)
	require.NotZero(t, code)
	require.Contains(t, said, "Bad User Name or Password")
	_, code = publish(t, addr, secured...)
	require.NotZero(t, code, "without a token")
	said, _ = publish(t, addr, append(secured, "-V", "mqttv5", "-u", "wall", "-P", reading)...)
	require.Contains(t, said, "Not authorized", "a token that may read only")
	_, code = publish(t, addr, append(message, "-u", "well-17", "-P", secret)...)
	require.NotZero(t, code, "without TLS")

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequest(http.MethodGet, r.URL()+"/api/v1/query?query=gas_ch4", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+reading)
	resp, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)

	other := t.TempDir()
	selfSigned(t, other)
	plain := run(t, other, strings.Replace(text, "listen: 127.0.0.1:0\n", "listen: 127.0.0.1:0\n    tls: off\n", 1))
	said, code = publish(t, plain.MQTTAddr().String(), append(message, "-u", "well-17", "-P", secret)...)
	require.Zero(t, code, said)
}

func TestMistakesInMQTTTopicsAreNamedWithTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		`topics: [{match: "city/+asset", decoder: lines}]`:                                   `belfry.yml:4: inputs.mqtt.topics[0].decoder: there is no "lines"; did you mean "line"?`,
		`topics: [{match: "city/+as-set", decoder: line}]`:                                   `belfry.yml:4: inputs.mqtt.topics[0].match: want a topic such as city/+district/+asset/reading: "+as-set": want + and the name of a label`,
		`topics: [{match: "city/+asset", decoder: line, labels: {asset: x}}]`:                `belfry.yml:4: inputs.mqtt.topics[0].labels: want asset either here or in match; it is in both`,
		`topics: [{match: "city/+asset"}]`:                                                   `want match and decoder`,
		`clients: [{url: "mqtt://127.0.0.1"}]`:                                               `belfry.yml:4: inputs.mqtt.clients[0]: want topics, its own or those of inputs.mqtt; 127.0.0.1:1883 has none`,
		`clients: [{url: "mqtt://x:y@127.0.0.1"}]`:                                           `want the address of a broker`,
		`clients: [{url: "mqtt://127.0.0.1", tls: {ca: x}}]`:                                 `want a url with mqtts or wss, because tls is given; got mqtt`,
		`clients: [{url: "mqtt://127.0.0.1", username: a, password: b, password_env: HOME}]`: `want at most one of password, password_file and password_env; got 2 of them`,
		`max_packet: 60MiB`: `want max_packet to be at most half of memory`,
	} {
		c, err := config.Parse("belfry.yml", []byte("listen: 127.0.0.1:0\ninputs:\n  mqtt:\n    "+text+"\n"))
		if err == nil {
			c.DataDir = t.TempDir()
			_, err = New(t.Context(), Options{Config: c, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
		}
		require.ErrorContains(t, err, want)
	}
}

func TestMQTTBeyondLoopbackDemandsTokens(t *testing.T) {
	c, err := config.Parse("belfry.yml", []byte("inputs:\n  mqtt:\n    listen: 0.0.0.0:1883\n"))
	require.NoError(t, err)
	require.ErrorContains(t, c.CheckExposure(t.Context()), "belfry.yml:3: inputs.mqtt: want tokens, because 0.0.0.0:1883 can be reached from beyond this machine")
	c.Auth.Insecure = true
	require.NoError(t, c.CheckExposure(t.Context()))
}

func TestAReloadChangesTopicsAndTokensOfClientsThatAreConnected(t *testing.T) {
	dir := t.TempDir()
	topics := "topics.yml"
	put(t, dir, topics, "old")
	text := func() string {
		b, err := os.ReadFile(filepath.Join(dir, topics))
		require.NoError(t, err)
		return fmt.Sprintf("listen: 127.0.0.1:0\ndata_dir: %s/data\ninputs:\n  mqtt:\n    listen: 127.0.0.1:0\n"+
			"    topics: [{match: \"%s/+asset\", decoder: line}]\n", dir, b)
	}
	read := func() (*config.Config, error) { return config.Parse(filepath.Join(dir, "belfry.yml"), []byte(text())) }
	c, err := read()
	require.NoError(t, err)
	a, err := New(t.Context(), Options{Config: c, Read: read, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet()})
	require.NoError(t, err)
	defer func() { require.NoError(t, a.Close()) }()
	said, _ := publish(t, a.MQTTAddr().String(), "-V", "mqttv5", "-q", "1", "-t", "new/W1", "-m", "gas ch4=1")
	require.Contains(t, said, "Topic Name invalid")
	put(t, dir, topics, "new")
	restart, err := a.Reload(t.Context())
	require.NoError(t, err)
	require.Empty(t, restart)
	said, code := publish(t, a.MQTTAddr().String(), "-V", "mqttv5", "-q", "1", "-t", "new/W1", "-m", "gas ch4=1")
	require.Zero(t, code, said)
	require.NotContains(t, said, "invalid")
}

func TestOneBelfryReadsFromAnothersBrokerWithTLSAndAToken(t *testing.T) {
	dir := t.TempDir()
	selfSigned(t, dir)
	write, writeHash := access.NewToken()
	read, readHash := access.NewToken()
	from := run(t, dir, fmt.Sprintf("tls: {cert: cert.pem, key: key.pem}\nauth:\n  tokens:\n"+
		"    - {name: pub, hash: %q, scopes: [write]}\n    - {name: sub, hash: %q, scopes: [read]}\n"+
		"inputs: {mqtt: {listen: \"127.0.0.1:0\"}}\n", config.FormatHash(writeHash), config.FormatHash(readHash)))
	addr := from.MQTTAddr().String()
	readers := 0
	for i, version := range []string{"5", "3.1.1"} {
		for _, scheme := range []string{"mqtts", "ssl"} {
			to := t.TempDir()
			put(t, to, "password", read+"\n")
			r := run(t, to, fmt.Sprintf("inputs:\n  mqtt:\n    clients:\n      - {url: \"%s://%s\", name: far, version: %s, username: sub, password_file: password, tls: {ca: %s}}%s",
				scheme, addr, version, filepath.Join(dir, "cert.pem"), mqttTopicsText))
			readers++
			require.Eventually(t, func() bool { return ownMetric(t, from.App, "belfry_mqtt_subscriptions") == fmt.Sprint(readers) }, 20*time.Second, 10*time.Millisecond)
			said, code := publish(t, addr, "--cafile", filepath.Join(dir, "cert.pem"), "-u", "pub", "-P", write, "-q", "1",
				"-t", "city/yuzhong/W17/reading", "-m", fmt.Sprintf("gas ch4=%d", i))
			require.Zero(t, code, said)
			require.Eventually(t, func() bool { return storedCount(t, r.URL(), "gas_ch4") == 1 }, 20*time.Second, 10*time.Millisecond)
			require.Equal(t, "1", ownMetric(t, r.App, `belfry_mqtt_connected{client="far"}`))
		}
	}
}

// ownMetric is what /metrics shows.
func ownMetric(t *testing.T, a *App, series string) string {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, a.WriteMetrics(&text))
	return seriesIn(text.Bytes(), series)
}

func seriesIn(text []byte, series string) string {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(series+" ")); ok {
			return string(bytes.TrimSpace(rest))
		}
	}
	return ""
}
