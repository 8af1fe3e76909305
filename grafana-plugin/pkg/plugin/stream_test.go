package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/live"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/query"
)

// channel asks a live query, and returns the path of its channel.
func (c *connected) channel(t *testing.T, query string) (path string, first *data.Frame) {
	t.Helper()
	now := time.Now()
	answer := c.ask(t, now.Add(-time.Hour), now.Add(time.Second), query)[0]
	require.NoError(t, answer.Error)
	first = answer.Frames[0]
	path, found := strings.CutPrefix(first.Meta.Channel, "ds/belfry-1/")
	require.True(t, found, first.Meta.Channel)
	return path, first
}

func (c *connected) subscribe(t *testing.T, path string, data string) backend.SubscribeStreamStatus {
	t.Helper()
	resp, err := c.subscription(t, path, data)
	require.NoError(t, err)
	return backend.SubscribeStreamStatus(resp.Status)
}

func (c *connected) subscription(t *testing.T, path string, data string) (*pluginv2.SubscribeStreamResponse, error) {
	t.Helper()
	return c.stream.SubscribeStream(t.Context(), &pluginv2.SubscribeStreamRequest{
		PluginContext: backend.ToProto().PluginContext(c.context()), Path: path, Data: []byte(data),
	})
}

// follower reads a channel.
type follower struct {
	frames chan *data.Frame
	ended  chan error
}

func (c *connected) follow(t *testing.T, path string) *follower {
	t.Helper()
	require.Equal(t, backend.SubscribeStreamStatusOK, c.subscribe(t, path, ""))
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := c.stream.RunStream(ctx, &pluginv2.RunStreamRequest{PluginContext: backend.ToProto().PluginContext(c.context()), Path: path})
	require.NoError(t, err)
	f := &follower{frames: make(chan *data.Frame), ended: make(chan error, 1)}
	go func() {
		defer close(f.frames)
		for {
			packet, err := stream.Recv()
			if err != nil {
				f.ended <- err
				return
			}
			var frame data.Frame
			if err := json.Unmarshal(packet.Data, &frame); err != nil {
				f.ended <- err
				return
			}
			select {
			case f.frames <- &frame:
			case <-ctx.Done():
				f.ended <- ctx.Err()
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		for range f.frames { // until it has ended
		}
	})
	return f
}

// until reads frames until one is right.
func (f *follower) until(t *testing.T, right func(*data.Frame) bool) *data.Frame {
	t.Helper()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	var last *data.Frame
	for {
		select {
		case frame, open := <-f.frames:
			if !open {
				t.Fatalf("the stream ended: %v", <-f.ended)
			}
			if right(frame) {
				return frame
			}
			last = frame
		case <-late.C:
			text, _ := json.Marshal(last)
			t.Fatalf("it did not come; the last was %s", text)
		}
	}
}

func has(t *testing.T, name string, values ...string) func(*data.Frame) bool {
	return func(f *data.Frame) bool {
		if _, at := f.FieldByName(name); at < 0 {
			return false
		}
		got := column(t, f, name)
		return len(got) == len(values) && fmt.Sprint(got) == fmt.Sprint(values)
	}
}

func TestHazardsComeLive(t *testing.T) {
	b := serve(t, withRules, "rules.yml", gasRules, "catalog.yml", wells)
	c := startPlugin(t).at(b.url())
	path, first := c.channel(t, `{"kind":"hazards","live":true,"hazards":{"status":["open"],"severity":["critical"]}}`)
	require.Empty(t, column(t, first, "asset"))
	f := c.follow(t, path)
	begun := f.until(t, has(t, "asset"))
	require.Equal(t, len(first.Fields), len(begun.Fields), "what is sent is like what was asked")
	b.line(t, "gas,asset=W1 ch4_lel_percent=60")
	f.until(t, has(t, "asset", "W1"))
	b.line(t, "gas,asset=W1 ch4_lel_percent=1")
	f.until(t, has(t, "asset"))

	t.Run("over a restart of Belfry", func(t *testing.T) {
		b.stop()
		stale := f.until(t, func(f *data.Frame) bool { return len(f.Meta.Notices) > 0 })
		require.Equal(t, data.NoticeSeverityError, stale.Meta.Notices[0].Severity)
		require.Contains(t, stale.Meta.Notices[0].Text, "This is not up to date: Belfry at "+b.url()+" cannot be reached")
		b.start(t)
		f.until(t, func(f *data.Frame) bool { return len(f.Meta.Notices) == 0 })
		b.line(t, "gas,asset=W2 ch4_lel_percent=70")
		f.until(t, has(t, "asset", "W2"))
	})
}

func TestOpenHazardsAreCountedLive(t *testing.T) {
	b := serve(t, withRules, "rules.yml", gasRules, "catalog.yml", wells)
	c := startPlugin(t).at(b.url())
	path, _ := c.channel(t, `{"kind":"hazards","live":true,"hazards":{"show":"open","by":"severity"}}`)
	f := c.follow(t, path)
	b.line(t, "gas,asset=W1 ch4_lel_percent=60")
	f.until(t, func(f *data.Frame) bool {
		g := groups(f, "severity")
		return g["critical"] == "1" && g["warning"] == "1" && g["info"] == "0"
	})
}

// TestSubscribersAreGivenTheWholeAnswer is about what Grafana puts in the place of
// the answer that a panel already has.
func TestSubscribersAreGivenTheWholeAnswer(t *testing.T) {
	b := town(t)
	c := startPlugin(t).at(b.url())
	begin := func(query string) *data.Frame {
		t.Helper()
		path, first := c.channel(t, query)
		resp, err := c.subscription(t, path, "")
		require.NoError(t, err)
		var frame data.Frame
		require.NoError(t, json.Unmarshal(resp.Data, &frame))
		require.Equal(t, names(first), names(&frame))
		return &frame
	}
	table := begin(`{"kind":"hazards","live":true,"hazards":{"status":["open"]}}`)
	require.ElementsMatch(t, []string{"W1", "W1", "R1"}, column(t, table, "asset"))
	open := begin(`{"kind":"hazards","live":true,"hazards":{"show":"open"}}`)
	require.Equal(t, map[string]string{"critical": "1", "warning": "2", "info": "0"}, groups(open, "severity"))
	require.Equal(t, []string{"critical", "warning", "info"}, names(open), "names of their own, by which Grafana tells them apart")
	assets := begin(`{"kind":"assets","live":true}`)
	require.Equal(t, []string{"W1", "R1", "W2"}, column(t, assets, "asset"))

	rows, _ := c.channel(t, `{"expr":"gas_ch4_lel_percent","range":true,"live":true}`)
	resp, err := c.subscription(t, rows, "")
	require.NoError(t, err)
	require.Empty(t, resp.Data, "rows are added to the answer")
	path, _ := c.channel(t, `{"kind":"hazards","live":true,"hazards":{"show":"open"}}`)
	b.stop()
	_, err = c.subscription(t, path, "")
	require.ErrorContains(t, err, "Belfry at "+b.url()+" cannot be reached")
}

func TestWhatReadsNoSeriesHasNoChannel(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	c := startPlugin(t).at(b.url())
	now := time.Now()
	for _, expr := range []string{"vector(1)", "time()", "hour()"} {
		frame := c.ask(t, now.Add(-time.Hour), now, `{"expr":"`+expr+`","live":true}`)[0].Frames[0]
		require.Empty(t, frame.Meta.Channel, expr)
		require.Contains(t, frame.Meta.Notices[0].Text, "This does not change live: the expression reads no series by name", expr)
	}
	path := strings.TrimPrefix(live.NewChannels("belfry-1").Of(live.Spec{Query: query.Model{Kind: query.KindMetrics, Expr: "time()"}}), "ds/belfry-1/")
	require.Equal(t, backend.SubscribeStreamStatusNotFound, c.subscribe(t, path, ""), "nor one that is asked for all the same")
}

func TestAPanelThatCannotFollowSaysSo(t *testing.T) {
	b := town(t)
	srv := proxy(t, b, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/stream") {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"error":"values: may find 10,000 series"}`))
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	c := startPlugin(t).at(srv.URL)
	for asked, rows := range map[string]int{`{"kind":"hazards","live":true,"hazards":{"status":["open"]}}`: 3, `{"expr":"gas_ch4_lel_percent","instant":true,"live":true}`: 0} {
		path, first := c.channel(t, asked)
		told := c.follow(t, path).until(t, func(f *data.Frame) bool { return len(f.Meta.Notices) > 0 })
		require.Contains(t, told.Meta.Notices[0].Text, "This does not change live: Belfry does not accept this: values: may find 10,000 series")
		require.Equal(t, names(first), names(told), "Grafana keeps the values of columns that stay")
		require.Equal(t, rows, told.Rows(), asked)
	}
}

func TestChannels(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	g := startPlugin(t)
	c := g.at(b.url())
	short, _ := c.channel(t, `{"kind":"hazards","live":true,"hazards":{"status":["open"]}}`)
	again, _ := c.channel(t, `{"kind":"hazards","live":true,"refId":"Z","hazards":{"status":["open"]}}`)
	require.Equal(t, short, again, "the same query has the same channel")
	other, _ := c.channel(t, `{"kind":"hazards","live":true,"hazards":{"status":["open"],"team":["municipal"]}}`)
	require.NotEqual(t, short, other)
	streets := make([]string, 60)
	for i := range streets {
		streets[i] = fmt.Sprintf("street-%d-%x", i, i*7919)
	}
	text, err := json.Marshal(map[string]any{"kind": "hazards", "live": true, "hazards": map[string]any{"status": []string{"open"}, "street": streets}})
	require.NoError(t, err)
	long, _ := c.channel(t, string(text))
	require.LessOrEqual(t, len("ds/belfry-1/"+long), 160)
	require.Equal(t, backend.SubscribeStreamStatusOK, c.subscribe(t, long, ""))

	// Another process of the plugin, as after a restart.
	fresh := startPlugin(t).at(b.url())
	require.Equal(t, backend.SubscribeStreamStatusOK, fresh.subscribe(t, short, ""))
	require.Equal(t, backend.SubscribeStreamStatusNotFound, fresh.subscribe(t, long, ""))
	require.Equal(t, backend.SubscribeStreamStatusNotFound, fresh.subscribe(t, long, `{"q":{"kind":"hazards"}}`), "another query than that of the name")
	for _, path := range []string{"", "hazards", "hazards/", "hazards/q", "hazards/q!!", "hazards/h00", "weather/" + strings.TrimPrefix(short, "hazards/"), strings.Repeat("a/", 200)} {
		require.Equal(t, backend.SubscribeStreamStatusNotFound, fresh.subscribe(t, path, ""), path)
	}
	resp, err := c.stream.PublishStream(t.Context(), &pluginv2.PublishStreamRequest{PluginContext: backend.ToProto().PluginContext(c.context()), Path: short, Data: []byte(`{}`)})
	require.NoError(t, err)
	require.Equal(t, backend.PublishStreamStatusPermissionDenied, backend.PublishStreamStatus(resp.Status))
}
