package plugin

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/experimental"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// epoch is what the minute in which a test began becomes in golden files.
var epoch = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)

// golden compares an answer with a file, its times counted from epoch.
func golden(t *testing.T, name string, began time.Time, resp backend.DataResponse) {
	t.Helper()
	require.NoError(t, resp.Error)
	for _, f := range resp.Frames {
		for _, field := range f.Fields {
			for row := range field.Len() {
				switch at := field.At(row).(type) {
				case time.Time:
					field.Set(row, epoch.Add(at.Sub(began)))
				case *time.Time:
					if at != nil {
						moved := epoch.Add(at.Sub(began))
						field.Set(row, &moved)
					}
				}
			}
		}
	}
	experimental.CheckGoldenJSONResponse(t, "testdata", name, &resp, *update)
}

// readings writes a value a second for two wells, up to now.
func readings(t *testing.T, b *belfry, began time.Time) {
	t.Helper()
	var lines strings.Builder
	for i := range 10 {
		ms := began.Add(time.Duration(i) * time.Second).UnixMilli()
		_, _ = fmt.Fprintf(&lines, "gas,asset=W1,street=解放碑 ch4_lel_percent=%d %d\ngas,asset=W2 ch4_lel_percent=%d.5 %d\n", i, ms, i, ms)
		_, _ = fmt.Fprintf(&lines, "stay_seconds_bucket,le=1 value=%d %d\nstay_seconds_bucket,le=5 value=%d %d\nstay_seconds_bucket,le=+Inf value=%d %d\n", i, ms, 2*i, ms, 3*i, ms)
	}
	b.line(t, lines.String())
}

func TestPanelsOfMetrics(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	c := startPlugin(t).at(b.url())
	began := time.Now().Add(-time.Minute).Truncate(time.Minute).UTC()
	readings(t, b, began)
	to := began.Add(9 * time.Second)
	names := []string{"range", "instant", "both", "legend", "table", "heatmap", "scalar", "string", "nothing", "interpolated"}
	answers := c.ask(t, began, to,
		`{"kind":"metrics","expr":"gas_ch4_lel_percent","range":true,"interval":"1s"}`,
		`{"expr":"gas_ch4_lel_percent","instant":true}`,
		`{"expr":"max(gas_ch4_lel_percent)","range":true,"instant":true,"interval":"5s"}`,
		`{"expr":"gas_ch4_lel_percent","instant":true,"legendFormat":"{{asset}} {{ street }}!"}`,
		`{"expr":"gas_ch4_lel_percent","instant":true,"format":"table"}`,
		`{"expr":"stay_seconds_bucket","range":true,"interval":"3s","format":"heatmap"}`,
		`{"expr":"scalar(count(gas_ch4_lel_percent))","instant":true,"legendFormat":"__auto"}`,
		`{"expr":"\"a <b>text</b>\"","instant":true}`,
		`{"expr":"nothing_at_all","range":true}`,
		`{"expr":"vector($__interval_ms) + $__range_s * 1000000 + count(max_over_time(gas_ch4_lel_percent[${__rate_interval}]))","instant":true,"interval":"2s"}`,
	)
	for i, name := range names {
		t.Run(name, func(t *testing.T) { golden(t, "metrics-"+name, began, answers[i]) })
	}
}

func TestLinesHaveColoursThatCanBeToldApart(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	c := startPlugin(t).at(b.url())
	began := time.Now().Add(-time.Minute).Truncate(time.Minute).UTC()
	readings(t, b, began)
	colours := func(q string) (found []string) {
		t.Helper()
		resp := c.ask(t, began, began.Add(9*time.Second), q)[0]
		require.NoError(t, resp.Error)
		for _, f := range resp.Frames {
			for _, field := range f.Fields {
				if field.Type().Numeric() && field.Config != nil && field.Config.Color != nil {
					found = append(found, fmt.Sprint(field.Config.Color["mode"], field.Config.Color["fixedColor"]))
				}
			}
		}
		return found
	}
	two := []string{"fixed#4477AA", "fixed#EE6677"}
	require.Equal(t, two, colours(`{"expr":"gas_ch4_lel_percent","range":true,"interval":"1s","distinct":true}`))
	require.Equal(t, two, colours(`{"expr":"gas_ch4_lel_percent","range":true,"interval":"1s","distinct":true,"live":true}`))
	require.Empty(t, colours(`{"expr":"gas_ch4_lel_percent","range":true,"interval":"1s"}`))
	require.Empty(t, colours(`{"expr":"gas_ch4_lel_percent","instant":true,"distinct":true}`), "no lines")
	require.Len(t, colours(`{"expr":"label_replace(gas_ch4_lel_percent, \"x\", \"$1\", \"asset\", \"(.*)\") or stay_seconds_bucket","range":true,"interval":"1s","distinct":true}`), 5)
}

func TestSeriesHaveTheUnitsOfTheirMetrics(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	c := startPlugin(t).at(b.url())
	began := time.Now().Add(-time.Minute).Truncate(time.Minute).UTC()
	readings(t, b, began)
	b.line(t, fmt.Sprintf("asset,metric=structure_cable_force_kn threshold=3 %d\n", began.UnixMilli()))
	units := func(q string) (found []string) {
		t.Helper()
		resp := c.ask(t, began, began.Add(9*time.Second), q)[0]
		require.NoError(t, resp.Error)
		for _, f := range resp.Frames {
			if config := f.Fields[1].Config; config != nil {
				found = append(found, config.Unit)
			}
		}
		return found
	}
	require.Equal(t, []string{"suffix: %LEL", "suffix: %LEL"}, units(`{"expr":"gas_ch4_lel_percent","range":true,"units":true}`))
	require.Equal(t, []string{"suffix: kN"}, units(`{"expr":"label_replace(asset_threshold, \"side\", \"x\", \"\", \"\")","range":true,"units":true}`), "a limit has the unit of what it limits")
	require.Equal(t, []string{""}, units(`{"expr":"max(gas_ch4_lel_percent)","range":true,"units":true,"legendFormat":"x"}`), "what has lost its name")
	require.Equal(t, []string{"", ""}, units(`{"expr":"gas_ch4_lel_percent","range":true}`))
}

func TestExploreHasLinesAndATable(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	c := startPlugin(t).at(b.url())
	began := time.Now().Add(-time.Minute).Truncate(time.Minute).UTC()
	readings(t, b, began)
	resp := c.ask(t, began, began.Add(9*time.Second), `{"expr":"gas_ch4_lel_percent","range":true,"instant":true,"interval":"1s","explore":true}`)[0]
	require.NoError(t, resp.Error)
	require.Len(t, resp.Frames, 3)
	require.EqualValues(t, data.VisTypeTable, resp.Frames[0].Meta.PreferredVisualization)
	require.Equal(t, []string{"Time", "__name__", "asset", "street", "Value"}, names(resp.Frames[0]))
	require.Equal(t, 2, resp.Frames[0].Rows())
	for _, f := range resp.Frames[1:] {
		require.EqualValues(t, data.VisTypeGraph, f.Meta.PreferredVisualization)
	}
}

func TestAMistakeOfOneQueryIsItsOwn(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	c := startPlugin(t).at(b.url())
	now := time.Now()
	answers := c.ask(t, now.Add(-time.Hour), now, `{"expr":"sum(("}`, `{"expr":"vector(1)"}`, `{"kind":"weather"}`, `{"expr":"up","interval":"soon"}`, `{"expr":"","lang":"zh-Hans"}`, `{"expr":"sum((","lang":"zh-Hans"}`)
	require.ErrorContains(t, answers[0].Error, "Belfry does not accept this: invalid parameter \"query\": 1:6: parse error")
	require.Equal(t, backend.StatusBadRequest, answers[0].Status)
	require.NoError(t, answers[1].Error)
	require.ErrorContains(t, answers[2].Error, `kind: want one of ["metrics" "hazards" "assets" "events" "anomalies" "response"]; got "weather"`)
	require.ErrorContains(t, answers[3].Error, `min step: want a duration such as 15s or 1m; got "soon"`)
	require.NoError(t, answers[4].Error)
	require.Empty(t, answers[4].Frames)
	require.ErrorContains(t, answers[5].Error, "Belfry 不接受此查询：invalid parameter")
}

func TestThereAreNeverMoreThan11000Points(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	c := startPlugin(t).at(b.url(), func(s *backend.DataSourceInstanceSettings) { s.JSONData = []byte(`{"timeInterval":"1s"}`) })
	now := time.Now()
	for _, span := range []time.Duration{time.Second, 11_001 * time.Second, 24 * time.Hour, 90 * 24 * time.Hour, 1000 * 24 * time.Hour} {
		answer := c.ask(t, now.Add(-span), now, `{"expr":"vector(1)","range":true,"interval":"1s"}`)[0]
		require.NoError(t, answer.Error)
		points := answer.Frames[0].Fields[0].Len()
		require.LessOrEqual(t, points, 11_000)
		require.Greater(t, points, 1)
	}
	require.Equal(t, data.FrameTypeTimeSeriesMulti, c.ask(t, now, now, `{"expr":"vector(1)","range":true}`)[0].Frames[0].Meta.Type)
}
