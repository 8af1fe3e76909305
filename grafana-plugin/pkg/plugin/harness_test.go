package plugin

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/grpcplugin"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
)

// built are the programs under test. The environment's BELFRY_BINARY is taken instead
// of building Belfry from the source beside the plugin.
var built struct{ belfry, plugin string }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "belfry-plugin-")
	if err == nil {
		built.belfry, built.plugin = os.Getenv("BELFRY_BINARY"), filepath.Join(dir, "gpx_belfry_cityops")
		err = build("../..", built.plugin, "./pkg")
		if err == nil && built.belfry == "" {
			built.belfry = filepath.Join(dir, "belfry")
			err = build("../../..", built.belfry, "./cmd/belfry")
		}
	}
	code := 1
	if err == nil {
		code = m.Run()
		http.DefaultClient.CloseIdleConnections()
		if code == 0 {
			err = goleak.Find()
		}
	}
	if err != nil {
		code = 1
		_, _ = fmt.Fprintln(os.Stderr, err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func build(dir, to, pkg string) error {
	cmd := exec.Command("go", "build", "-o", to, pkg)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// belfry is a real one in a process of its own.
type belfry struct {
	dir, address string
	secure       bool // it speaks TLS
	cmd          *exec.Cmd
	log          *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve starts one with files beside its configuration, and waits until it is
// ready.
func serve(t *testing.T, config string, files ...string) *belfry {
	t.Helper()
	b := &belfry{dir: t.TempDir()}
	b.prepare(t, config, files...)
	return b
}

func (b *belfry) prepare(t *testing.T, config string, files ...string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b.address = free.Addr().String()
	require.NoError(t, free.Close())
	b.write(t, "belfry.yml", "listen: "+b.address+"\ndata_dir: data\n"+config)
	for i := 0; i+1 < len(files); i += 2 {
		b.write(t, files[i], files[i+1])
	}
	t.Cleanup(b.stop)
	b.start(t)
}

func (b *belfry) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600))
}

func (b *belfry) start(t *testing.T) {
	t.Helper()
	b.log = &lockedBuffer{}
	b.cmd = exec.Command(built.belfry, "serve", "--config", "belfry.yml")
	b.cmd.Dir, b.cmd.Stdout, b.cmd.Stderr = b.dir, b.log, b.log
	require.NoError(t, b.cmd.Start())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	eventually(t, func() bool {
		resp, err := client.Get(b.url() + "/-/ready")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode == http.StatusOK
	}, b.log.String)
}

func (b *belfry) url() string {
	if b.secure {
		return "https://" + b.address
	}
	return "http://" + b.address
}

// stop ends it as an operator does.
func (b *belfry) stop() {
	if b.cmd == nil {
		return
	}
	_ = b.cmd.Process.Signal(os.Interrupt)
	late := time.AfterFunc(30*time.Second, func() { _ = b.cmd.Process.Kill() })
	_ = b.cmd.Wait()
	late.Stop()
	b.cmd = nil
}

// line writes readings in line protocol.
func (b *belfry) line(t *testing.T, lines string, token ...string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, b.url()+"/api/v2/write?precision=ms", strings.NewReader(lines))
	require.NoError(t, err)
	for _, tok := range token {
		req.Header.Set("Authorization", "Bearer "+tok)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	require.Equal(t, http.StatusNoContent, resp.StatusCode, string(text))
}

// eventually waits until it is so, for a minute.
func eventually(t *testing.T, so func() bool, state func() string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come; the last was: %s", state())
		}
		<-tick.C
	}
}

// grafana is the plugin in a process of its own, started as Grafana does.
type grafana struct {
	process *goplugin.Client
	data    grpcplugin.DataClient
	health  grpcplugin.DiagnosticsClient
	res     grpcplugin.ResourceClient
	stream  grpcplugin.StreamClient
	changes int64
	log     *lockedBuffer
}

func startPlugin(t *testing.T) *grafana {
	t.Helper()
	g := &grafana{log: &lockedBuffer{}}
	g.process = goplugin.NewClient(&goplugin.ClientConfig{
		Cmd: exec.Command(built.plugin), AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion: grpcplugin.ProtocolVersion, MagicCookieKey: grpcplugin.MagicCookieKey, MagicCookieValue: grpcplugin.MagicCookieValue,
		},
		VersionedPlugins: map[int]goplugin.PluginSet{grpcplugin.ProtocolVersion: {
			"diagnostics": &grpcplugin.DiagnosticsGRPCPlugin{}, "resource": &grpcplugin.ResourceGRPCPlugin{},
			"data": &grpcplugin.DataGRPCPlugin{}, "stream": &grpcplugin.StreamGRPCPlugin{},
		}},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: g.log}), SyncStdout: io.Discard, SyncStderr: io.Discard,
	})
	t.Cleanup(g.process.Kill)
	client, err := g.process.Client()
	require.NoError(t, err, g.log)
	dispense := func(name string) any {
		part, err := client.Dispense(name)
		require.NoError(t, err)
		return part
	}
	g.data = dispense("data").(grpcplugin.DataClient)
	g.health = dispense("diagnostics").(grpcplugin.DiagnosticsClient)
	g.res = dispense("resource").(grpcplugin.ResourceClient)
	g.stream = dispense("stream").(grpcplugin.StreamClient)
	return g
}

// connected is the plugin with the settings of one data source.
type connected struct {
	*grafana
	settings backend.DataSourceInstanceSettings
	answered int // bytes of the last panel's answer
}

func (g *grafana) at(url string, change ...func(*backend.DataSourceInstanceSettings)) *connected {
	c := &connected{grafana: g, settings: backend.DataSourceInstanceSettings{
		ID: 1, UID: "belfry-1", Type: ID, Name: "Belfry", URL: url, JSONData: []byte(`{}`), DecryptedSecureJSONData: map[string]string{},
	}}
	for _, f := range change {
		f(&c.settings)
	}
	// The plugin tells by it that settings have changed.
	g.changes++
	c.settings.Updated = time.Unix(g.changes, 0)
	return c
}

func (c *connected) context() backend.PluginContext {
	return backend.PluginContext{Namespace: "default", PluginID: ID, DataSourceInstanceSettings: &c.settings}
}

func (c *connected) check(t *testing.T) *backend.CheckHealthResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	resp, err := c.health.CheckHealth(ctx, &pluginv2.CheckHealthRequest{PluginContext: backend.ToProto().PluginContext(c.context())})
	require.NoError(t, err, c.log)
	return backend.FromProto().CheckHealthResponse(resp)
}

// ask asks several queries as one panel does. Each is JSON, named A, B, ….
func (c *connected) ask(t *testing.T, from, to time.Time, queries ...string) []backend.DataResponse {
	t.Helper()
	return c.panel(t, nil, from, to, queries...)
}

func (c *connected) panel(t *testing.T, headers map[string]string, from, to time.Time, queries ...string) []backend.DataResponse {
	t.Helper()
	req := &backend.QueryDataRequest{PluginContext: c.context(), Headers: headers}
	for i, q := range queries {
		require.True(t, json.Valid([]byte(q)), q)
		req.Queries = append(req.Queries, backend.DataQuery{
			RefID: string(rune('A' + i)), Interval: 20 * time.Millisecond, MaxDataPoints: 1000, TimeRange: backend.TimeRange{From: from, To: to}, JSON: []byte(q),
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	resp, err := c.data.QueryData(ctx, backend.ToProto().QueryDataRequest(req))
	require.NoError(t, err, c.log)
	c.answered = proto.Size(resp)
	got, err := backend.FromProto().QueryDataResponse(resp)
	require.NoError(t, err)
	answers := make([]backend.DataResponse, len(queries))
	for i := range queries {
		answers[i] = got.Responses[string(rune('A'+i))]
	}
	return answers
}
