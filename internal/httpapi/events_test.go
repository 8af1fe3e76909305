package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/collector/reading"
)

// album is an event store that has what tests put into it.
type album struct {
	asked   event.Query
	records []event.Record
	next    string
	err     error
}

func (a *album) List(_ context.Context, q event.Query) ([]event.Record, string, error) {
	a.asked = q
	return a.records, a.next, a.err
}

func (a *album) Get(_ context.Context, id string) (event.Record, []byte, error) {
	if a.err != nil || id != "e1" {
		return event.Record{}, nil, firstOf(a.err, event.ErrNotFound)
	}
	return a.records[0], []byte("<a>\xff</a>"), nil
}

func (a *album) Picture(_ context.Context, id string) ([]byte, string, error) {
	if a.err != nil || id != "e1" {
		return nil, "", firstOf(a.err, event.ErrNotFound)
	}
	return []byte("<script>"), "image/jpeg", nil
}

func firstOf(first, otherwise error) error {
	if first != nil {
		return first
	}
	return otherwise
}

type twoNames struct{}

func (twoNames) Names(kind string) (name, nameZH string) {
	return "Name of " + kind, kind + "的名称"
}
func (twoNames) Resolve(word string) (string, error) {
	if word == "fyre" {
		return "", errors.New("there is no kind")
	}
	return strings.TrimPrefix(word, "name of "), nil
}
func (twoNames) Matching(text string) []string { return []string{"kind_of_" + text} }

func startAlbum(t *testing.T) (*belfry, *album) {
	t.Helper()
	assets, err := catalog.Parse("c.yml", []byte("assets: [{id: CAM-1, name: Camera, name_zh: 摄像机, street: 解放碑街道, lat: 29.5, lon: 106.5}]"))
	require.NoError(t, err)
	a := &album{records: []event.Record{
		{ID: "e1", Asset: "CAM-1", Kind: "fire_smoke", Vendor: "camera", VendorKind: "fire", Domain: "road", Severity: "critical", Team: "municipal",
			Time: 1_777_864_802_500, Updated: 1_777_864_803_000, End: 1_777_864_804_000, Received: 1_777_864_805_000, Confidence: 0.5,
			Box: &reading.Box{X: 0.1, Y: 0.2, Width: 0.3, Height: 0.4}, HasPicture: true, Description: "x", Snapshot: "http://cam/1.jpg"},
		{ID: "e2", Asset: "CAM-2", Kind: "unknown", Confidence: -1},
	}, next: "more"}
	return start(t, func(o *Options) {
		o.Events = a
		o.KindNames = func() KindNames { return twoNames{} }
		o.Catalog = func() *catalog.Catalog { return assets }
	}), a
}

func (b *belfry) get(t *testing.T, path string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(b.URL + path)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(text)
}

func TestEventsAreShownWithNamesInBothLanguages(t *testing.T) {
	b, _ := startAlbum(t)
	const first = `{"id":"e1","asset":"CAM-1","asset_name":"Camera","asset_name_zh":"摄像机","street":"解放碑街道","lat":29.5,"lon":106.5,
		"kind":"fire_smoke","kind_name":"Name of fire_smoke","kind_name_zh":"fire_smoke的名称","vendor":"camera","vendor_kind":"fire",
		"domain":"road","severity":"critical","team":"municipal",
		"time":"2026-05-04T03:20:02.500Z","updated":"2026-05-04T03:20:03.000Z","end":"2026-05-04T03:20:04.000Z","received":"2026-05-04T03:20:05.000Z",
		"confidence":0.5,"box":{"x":0.1,"y":0.2,"width":0.3,"height":0.4},"description":"x",
		"snapshot":"/api/belfry/v1/events/e1/snapshot","snapshot_ref":"http://cam/1.jpg"%s}`
	resp, text := b.get(t, "/api/belfry/v1/events")
	require.Equal(t, 200, resp.StatusCode)
	require.JSONEq(t, `{"events":[`+fmt.Sprintf(first, "")+`,
		{"id":"e2","asset":"CAM-2","kind":"unknown","kind_name":"Name of unknown","kind_name_zh":"unknown的名称","vendor":"","vendor_kind":"","domain":"","severity":"","team":"",
		"time":"1970-01-01T00:00:00.000Z","updated":"1970-01-01T00:00:00.000Z","end":null,"received":"1970-01-01T00:00:00.000Z","confidence":null,"box":null,"description":""}],"next":"more"}`, text)
	resp, text = b.get(t, "/api/belfry/v1/events/e1")
	require.Equal(t, 200, resp.StatusCode)
	require.JSONEq(t, fmt.Sprintf(first, `,"raw":"<a>\ufffd</a>"`), text)
}

func TestAPictureIsServedAsNothingElse(t *testing.T) {
	b, a := startAlbum(t)
	resp, text := b.get(t, "/api/belfry/v1/events/e1/snapshot")
	require.Equal(t, "<script>", text)
	require.Equal(t, []string{"image/jpeg", "nosniff", "default-src 'none'; sandbox"},
		[]string{resp.Header.Get("Content-Type"), resp.Header.Get("X-Content-Type-Options"), resp.Header.Get("Content-Security-Policy")})
	for _, path := range []string{"/api/belfry/v1/events/e2/snapshot", "/api/belfry/v1/events/e2", "/api/belfry/v1/events/..%2Fe1"} {
		resp, text = b.get(t, path)
		require.Equal(t, 404, resp.StatusCode, path)
		require.Contains(t, text, "there is no such event", path)
	}
	a.err = fmt.Errorf("the database of events cannot be opened")
	for _, path := range []string{"", "/e1", "/e1/snapshot"} {
		resp, text = b.get(t, "/api/belfry/v1/events"+path)
		require.Equal(t, 503, resp.StatusCode)
		require.JSONEq(t, `{"error":"the database of events cannot be opened"}`, text)
		require.NotEmpty(t, resp.Header.Get("Retry-After"))
	}
	a.err = context.DeadlineExceeded
	resp, text = b.get(t, "/api/belfry/v1/events?q=x")
	require.Equal(t, 503, resp.StatusCode)
	require.Contains(t, text, "this takes longer than 10s; ask for less time, or without q")
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		for _, path := range []string{"", "/e1", "/e1/snapshot"} {
			resp, text = b.send(t, method, "/api/belfry/v1/events"+path, nil)
			require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
			require.Equal(t, "GET, HEAD", resp.Header.Get("Allow"))
			require.Equal(t, "application/json", resp.Header.Get("Content-Type"))
			require.JSONEq(t, `{"error":"this is read by GET; got `+method+`"}`, text)
		}
		resp, text = b.send(t, method, "/api/belfry/v1/weather", nil)
		require.Equal(t, http.StatusNotFound, resp.StatusCode)
		require.Contains(t, text, `{"error":"there is no such path`)
	}
}

func TestFiltersOfEvents(t *testing.T) {
	b, a := startAlbum(t)
	for query, want := range map[string]event.Query{
		"": {Limit: 100},
		"?asset=A,B&asset=C&kind=k,name+of+l&domain=road&team=municipal&severity=info,&vendor=frigate": {
			Limit: 100, Assets: []string{"A", "B", "C"}, Kinds: []string{"k", "l"}, Domains: []string{"road"}, Teams: []string{"municipal"}, Severities: []string{"info"}, Vendors: []string{"frigate"},
		},
		"?from=2026-05-04T11:20:02%2B08:00&to=1777864803.5&limit=1000&cursor=abc": {Limit: 1000, From: 1_777_864_802_000, To: 1_777_864_803_500, Cursor: "abc"},
		"?from=1777864802000&limit=": {Limit: 100, From: 1_777_864_802_000},
		"?q=%E7%83%9F":               {Limit: 100, Text: "烟", KindsOfText: []string{"kind_of_烟"}},
	} {
		resp, text := b.get(t, "/api/belfry/v1/events"+query)
		require.Equal(t, 200, resp.StatusCode, text)
		require.Equal(t, want, a.asked, query)
	}
	for query, want := range map[string]string{
		"?kinds=x":             `unknown parameter "kinds"; there are asset, cursor, domain, from, kind, limit, q, severity, team, to, vendor`,
		"?limit=0":             `limit: want a number from 1 to 1000; got "0"`,
		"?limit=1001":          `limit: want a number from 1 to 1000; got "1001"`,
		"?limit=1&limit=2":     "limit: want it once; got it 2 times",
		"?from=yesterday":      `from: want a time such as 2026-05-01T08:00:00+08:00, or seconds since 1970; got "yesterday"`,
		"?to=NaN":              `to: want a time such as 2026-05-01T08:00:00+08:00, or seconds since 1970; got "NaN"`,
		"?q=%ff":               "q: want a text of at most 200 bytes",
		"?kind=fyre":           "kind: there is no kind",
		"?severity=Critical":   `severity: want one of critical, warning, info (did you mean "critical"?); got "Critical"`,
		"?team=municipal,army": `team: want one of sanitation, municipal, landscape, urban_management, volunteers; got "army"`,
		"?domain=gaz":          `domain: want one of gas, bridge, tunnel, road, drainage, water, lighting, landscape, parking, camera, device (did you mean "gas"?); got "gaz"`,
		"?from=20&to=20":       "from: want a time before to, which is exclusive; nothing can be between them",
		"?asset=" + many(501):  "asset: want at most 500 values; got 501",
	} {
		resp, text := b.get(t, "/api/belfry/v1/events"+query)
		require.Equal(t, 400, resp.StatusCode, query)
		var answer struct{ Error string }
		require.NoError(t, json.Unmarshal([]byte(text), &answer))
		require.Equal(t, want, answer.Error)
	}
	a.err = event.ErrBadCursor
	resp, text := b.get(t, "/api/belfry/v1/events?cursor=x")
	require.Equal(t, 400, resp.StatusCode)
	require.Contains(t, text, "cursor: want what the page before has as next")
}

func many(n int) (text string) {
	for i := range n {
		text += fmt.Sprintf("%d,", i)
	}
	return text
}
