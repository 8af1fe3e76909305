package plugin

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

// report sends an event as an AI box does, with a picture if there is one.
func (b *belfry) report(t *testing.T, event string, picture []byte) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(t, form.WriteField("event", event))
	if picture != nil {
		part, err := form.CreateFormFile("picture", "picture.jpg")
		require.NoError(t, err)
		_, err = part.Write(picture)
		require.NoError(t, err)
	}
	require.NoError(t, form.Close())
	resp, err := http.Post(b.url()+"/api/belfry/v1/in/camera", form.FormDataContentType(), &body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

func jpegOf(t *testing.T) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 32, 32))
	img.SetGray(3, 3, color.Gray{Y: 200})
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, img, nil))
	return b.Bytes()
}

func TestPanelsOfEvents(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\ncatalog: [catalog.yml]\n", "catalog.yml", "assets:\n  - {id: CAM-9, name: Bridge camera, name_zh: 大桥摄像机, street: 解放碑, lat: 29.5, lon: 106.5}\n")
	c := startPlugin(t).at(b.url())
	picture := jpegOf(t)
	b.report(t, `{"camera":"CAM-9","kind":"garbage_overflow","confidence":0.87,"id":"ev-1","box":[0.1,0.2,0.3,0.4],"description":"<b>full</b>"}`, picture)
	b.report(t, `{"camera":"CAM-8","kind":"manhole_cover_missing","confidence":0.9,"id":"ev-2"}`, nil)
	b.report(t, `{"camera":"CAM-8","kind":"dragon","id":"ev-3"}`, nil)
	now := time.Now()
	ask := func(q string) *data.Frame {
		t.Helper()
		return one(t, c.ask(t, now.Add(-time.Hour), time.Now().Add(time.Second), q)[0])
	}
	log := ask(`{"kind":"events"}`)
	require.Equal(t, data.FrameTypeLogLines, log.Meta.Type)
	require.Equal(t, []string{"timestamp", "body", "severity", "id", "labels"}, names(log)[:5])
	require.Len(t, column(t, log, "id"), 3)
	full := ask(`{"kind":"events","events":{"asset":["CAM-9"]}}`)
	require.Equal(t, []string{"Overflowing bin · Bridge camera · <b>full</b>"}, column(t, full, "body"))
	require.Equal(t, []string{"warning"}, column(t, full, "severity"))
	require.JSONEq(t, `{"x":0.1,"y":0.2,"width":0.3,"height":0.4}`, column(t, full, "box")[0])
	labels, _ := full.FieldByName("labels")
	require.JSONEq(t, `{"asset":"CAM-9","kind":"garbage_overflow","domain":"road","team":"sanitation","street":"解放碑","vendor":"camera"}`, string(labels.At(0).(json.RawMessage)))
	chinese := ask(`{"kind":"events","lang":"zh-Hans","events":{"asset":["CAM-9"]}}`)
	require.Equal(t, []string{"垃圾满溢 · 大桥摄像机 · <b>full</b>"}, column(t, chinese, "body"))

	id := column(t, full, "id")[0]
	link := column(t, full, "snapshot")[0]
	require.Equal(t, "/api/datasources/uid/belfry-1/resources/api/belfry/v1/events/"+id+"/snapshot", link)
	got := c.call(t, "/api/belfry/v1/events/"+id+"/snapshot")
	require.Equal(t, http.StatusOK, got.Status)
	require.Equal(t, []string{"image/jpeg"}, got.Headers["Content-Type"])
	require.Equal(t, picture, got.Body)

	require.Len(t, column(t, ask(`{"kind":"events","events":{"kind":["!unknown"]}}`), "id"), 2)
	require.Len(t, column(t, ask(`{"kind":"events","events":{"q":"full"}}`), "id"), 1)
	marks := ask(`{"kind":"events","events":{"show":"annotations","asset":["CAM-9"]}}`)
	require.Equal(t, []string{"Overflowing bin · Bridge camera · &lt;b&gt;full&lt;/b&gt;"}, column(t, marks, "text"))
	require.Equal(t, column(t, marks, "time"), column(t, marks, "timeEnd"), "what has no end is a moment")
	levels := c.ask(t, now.Add(-time.Hour), now, `{"kind":"events","events":{"show":"volume"}}`)[0]
	require.NoError(t, levels.Error)
	require.Len(t, levels.Frames, 4)
	for i, level := range []string{"critical", "warning", "info", "unknown"} {
		require.Equal(t, []string{"Time", "Value"}, names(levels.Frames[i]))
		require.Equal(t, data.Labels{"level": level}, levels.Frames[i].Fields[1].Labels)
	}
	counts := ask(`{"kind":"events","events":{"show":"counts","severity":["!critical"]}}`)
	require.Equal(t, data.FrameTypeTimeSeriesWide, counts.Meta.Type)
	sum := map[string]float64{}
	for _, f := range counts.Fields[1:] {
		for row := range f.Len() {
			sum[f.Labels["severity"]] += f.At(row).(float64)
		}
	}
	require.Equal(t, map[string]float64{"warning": 1, "info": 0, "": 1}, sum)
}

func names(f *data.Frame) (all []string) {
	for _, field := range f.Fields {
		all = append(all, field.Name)
	}
	return all
}

// call asks a resource.
func (c *connected) call(t *testing.T, path string, accepted ...string) *backend.CallResourceResponse {
	t.Helper()
	req := &backend.CallResourceRequest{PluginContext: c.context(), Path: strings.Split(path, "?")[0], URL: path, Method: http.MethodGet, Headers: map[string][]string{"Accept-Language": accepted}}
	stream, err := c.res.CallResource(t.Context(), backend.ToProto().CallResourceRequest(req))
	require.NoError(t, err)
	resp, err := stream.Recv()
	require.NoError(t, err)
	return backend.FromProto().CallResourceResponse(resp)
}

func TestResources(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\ncatalog: [catalog.yml]\n", "catalog.yml", wells)
	g := startPlugin(t)
	c := g.at(b.url())
	b.line(t, "gas,asset=W1,sensor=a/b ch4_lel_percent=60")
	get := func(path string) (int, map[string]any) {
		t.Helper()
		resp := c.call(t, path)
		var body map[string]any
		require.NoError(t, json.Unmarshal(resp.Body, &body), string(resp.Body))
		return resp.Status, body
	}
	status, body := get("api/v1/labels?match[]=gas_ch4_lel_percent")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []any{"__name__", "asset", "sensor"}, body["data"])
	_, body = get("api/v1/label/sensor/values?match[]=gas_ch4_lel_percent")
	require.Equal(t, []any{"a/b"}, body["data"])
	eventually(t, func() bool {
		_, body = get(`api/v1/label/street/values?match[]=asset_info{domain="gas"}`)
		values, _ := body["data"].([]any)
		return len(values) == 2
	}, func() string { return "" })
	_, body = get("api/v1/series?match[]=gas_ch4_lel_percent")
	require.Equal(t, []any{map[string]any{"__name__": "gas_ch4_lel_percent", "asset": "W1", "sensor": "a/b"}}, body["data"])
	_, body = get("api/belfry/v1/detectors")
	require.Contains(t, body, "detectors")
	_, body = get("api/belfry/v1/hazards?status=open")
	require.Equal(t, []any{}, body["hazards"])

	status, body = get("explain?expr=" + url.QueryEscape(`rate(gas_ch4_lel_percent[5m]) > nobodys_metric`))
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []any{"nobodys_metric"}, body["unknown"])
	known := body["metrics"].([]any)[0].(map[string]any)
	require.Equal(t, "%LEL", known["unit"])
	require.NotEmpty(t, known["help"])
	require.NotEmpty(t, known["help_zh"])

	status, body = get("api/v1/labels?match[]=sum((")
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, body["message"], "Belfry does not accept this: ")
	for _, path := range []string{"-/reload", "write", "api/v2/alerts", "debug/pprof/", "metrics", "api/v1/query?query=up", "api/v1/write", ""} {
		status, _ = get(path)
		require.Equal(t, http.StatusNotFound, status, path)
	}
	for _, path := range []string{"api/belfry/v1/hazards/%2e%2e%2f%2e%2e%2f%2e%2e%2fmetrics", "api/belfry/v1/events/..%2f..%2f..%2f..%2fmetrics/snapshot"} {
		resp := c.call(t, path)
		require.GreaterOrEqual(t, resp.Status, 300, path)
		require.NotContains(t, string(resp.Body), "belfry_")
	}
	c = g.at("http://127.0.0.1:1")
	status, body = get("api/v1/labels")
	require.Equal(t, http.StatusBadGateway, status)
	require.Contains(t, body["message"], "cannot be reached")
}
