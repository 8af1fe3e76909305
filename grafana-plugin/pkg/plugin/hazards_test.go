package plugin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

const gasRules = `
groups:
  - name: gas
    rules:
      - alert: GasHigh
        expr: gas_ch4_lel_percent > 10
        labels: {severity: warning, domain: gas, team: sanitation}
        annotations: {summary: "Gas in {{ $labels.asset }}", summary_zh: "{{ $labels.asset }} 有燃气", unit: "%LEL"}
      - alert: GasCritical
        expr: gas_ch4_lel_percent > 50
        labels: {severity: critical, domain: gas, team: sanitation}
        annotations: {summary: "Explosion hazard in {{ $labels.asset }}", summary_zh: "{{ $labels.asset }} 爆炸危险", unit: "%LEL"}
      - alert: WaterDeep
        expr: road_water_depth_mm > 300
        labels: {severity: warning, domain: drainage, team: municipal}
        annotations: {summary: "Water"}
`

const wells = `
assets:
  - {id: W1, domain: gas, name: Well 1, name_zh: 一号井, street: 解放碑, district: 渝中, team: sanitation, lat: 29.55, lon: 106.57}
  - {id: W2, domain: gas, name: Well 2, name_zh: 二号井, street: 大坪, district: 渝中, team: sanitation}
  - {id: R1, domain: road, name: Underpass, name_zh: 下穿道, street: 大坪, district: 渝中, team: municipal, lat: 29.54, lon: 106.5}
`

const withRules = "rules: [rules.yml]\ncatalog: [catalog.yml]\ndetectors: []\nexternal_url: https://belfry.example/city\n"

// town is a Belfry with two hazards at one well, and one under water.
func town(t *testing.T) *belfry {
	t.Helper()
	b := serve(t, withRules, "rules.yml", gasRules, "catalog.yml", wells)
	b.line(t, "gas,asset=W1 ch4_lel_percent=60\ngas,asset=W2 ch4_lel_percent=1\nroad_water_depth_mm,asset=R1 value=500")
	b.hazards(t, 3, "?status=open")
	return b
}

type hazardIDs struct {
	Hazards []struct{ ID, Asset, Severity string }
}

// hazards waits until there are so many.
func (b *belfry) hazards(t *testing.T, n int, query string) hazardIDs {
	t.Helper()
	var list hazardIDs
	eventually(t, func() bool {
		list = hazardIDs{}
		b.get(t, "/api/belfry/v1/hazards"+query, &list)
		return len(list.Hazards) == n
	}, func() string { return fmt.Sprintf("%+v\n%s", list, b.log) })
	return list
}

func (b *belfry) get(t *testing.T, path string, into any) {
	t.Helper()
	resp, err := http.Get(b.url() + path)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(text))
	require.NoError(t, json.Unmarshal(text, into))
}

// column is a field's values as texts.
func column(t *testing.T, f *data.Frame, name string) (values []string) {
	t.Helper()
	field, at := f.FieldByName(name)
	require.NotEqual(t, -1, at, "no field %s", name)
	for row := range field.Len() {
		v, there := field.ConcreteAt(row)
		if !there {
			v = nil
		}
		if t, isTime := v.(time.Time); isTime {
			v = t.UTC().Format(time.RFC3339)
		}
		values = append(values, fmt.Sprint(v))
	}
	return values
}

// one is the only frame of an answer.
func one(t *testing.T, resp backend.DataResponse) *data.Frame {
	t.Helper()
	require.NoError(t, resp.Error)
	require.Len(t, resp.Frames, 1)
	return resp.Frames[0]
}

func TestPanelsOfHazards(t *testing.T) {
	b := town(t)
	c := startPlugin(t).at(b.url())
	now := time.Now()
	ask := func(q string) *data.Frame {
		t.Helper()
		return one(t, c.ask(t, now.Add(-time.Hour), time.Now().Add(time.Second), q)[0])
	}
	all := ask(`{"kind":"hazards","hazards":{"show":"table","status":["open"]}}`)
	require.ElementsMatch(t, []string{"W1", "W1", "R1"}, column(t, all, "asset"))
	require.Equal(t, data.FrameTypeTable, all.Meta.Type)
	critical := ask(`{"kind":"hazards","hazards":{"severity":["critical"],"team":["$__all"]}}`)
	for name, want := range map[string]string{
		"severity": "critical", "status": "open", "domain": "gas", "name": "Well 1", "name_zh": "一号井", "street": "解放碑", "district": "渝中", "team": "sanitation",
		"summary": "Explosion hazard in W1", "summary_zh": "W1 爆炸危险", "value": "60", "worst": "60", "limit": "50", "unit": "%LEL", "reopened": "0", "rule": "GasCritical",
		"lat": "29.55", "lon": "106.57", "resolved": "<nil>",
	} {
		require.Equal(t, []string{want}, column(t, critical, name), name)
	}
	id := column(t, critical, "hazard")[0]
	require.Equal(t, []string{"https://belfry.example/city/hazards/" + id}, column(t, critical, "url"))
	require.ElementsMatch(t, []string{"GasHigh", "GasCritical"}, column(t, ask(`{"kind":"hazards","hazards":{"domain":["!drainage"]}}`), "rule"))
	require.Equal(t, []string{"WaterDeep"}, column(t, ask(`{"kind":"hazards","hazards":{"domain":["All","!gas"],"asset":["R1","W9"]}}`), "rule"))
	require.Empty(t, column(t, ask(`{"kind":"hazards","hazards":{"street":["nowhere"]}}`), "rule"))
	cut := ask(`{"kind":"hazards","hazards":{"limit":2}}`)
	require.Len(t, column(t, cut, "rule"), 2)
	require.Equal(t, "Shown are the first 2; there are more. Filter, or raise the limit of the query (at most 10000).", cut.Meta.Notices[0].Text)
	marks := ask(`{"kind":"hazards","lang":"zh-CN","hazards":{"show":"annotations","severity":["critical"]}}`)
	require.Equal(t, []string{"W1 爆炸危险"}, column(t, marks, "text"))
	require.Equal(t, []string{"一号井"}, column(t, marks, "title"))
	require.Equal(t, []string{"critical,gas,W1,解放碑"}, column(t, marks, "tags"))
	past := one(t, c.ask(t, now.Add(-2*time.Hour), now.Add(-time.Hour), `{"kind":"hazards","hazards":{"show":"annotations","status":["open"],"severity":["critical"]}}`)[0])
	require.Equal(t, column(t, past, "time"), column(t, past, "timeEnd"), "one that was opened after the panel's time")

	b.line(t, "gas,asset=W1 ch4_lel_percent=20")
	b.hazards(t, 1, "?status=resolved")
	gone := ask(`{"kind":"hazards","hazards":{"status":["resolved"]}}`)
	require.Equal(t, []string{"GasCritical"}, column(t, gone, "rule"))
	require.NotEqual(t, []string{"<nil>"}, column(t, gone, "resolved"))
	end := time.Now().Add(time.Minute)
	all = one(t, c.ask(t, now.Add(-time.Hour), end, `{"kind":"hazards","hazards":{"show":"annotations","domain":["gas"]}}`)[0])
	require.ElementsMatch(t, []string{column(t, gone, "resolved")[0], end.UTC().Format(time.RFC3339)}, column(t, all, "timeEnd"), "what is open lasts as long as the panel's time")
	old := one(t, c.ask(t, now.Add(-2*time.Hour), now.Add(-time.Hour), `{"kind":"hazards","hazards":{}}`)[0])
	require.Empty(t, column(t, old, "rule"), "what was opened later")
	still := one(t, c.ask(t, now.Add(-2*time.Hour), now.Add(-time.Hour), `{"kind":"hazards","hazards":{"status":["open"]}}`)[0])
	require.Len(t, column(t, still, "rule"), 2, "what is open now, whenever it was opened")
	for q, want := range map[string]string{
		`{"kind":"hazards","hazards":{"show":"pie"}}`:        `hazards.show: want one of ["table" "counts" "open" "annotations"]; got "pie"`,
		`{"kind":"hazards","hazards":{"severity":["Loud"]}}`: `Belfry does not accept this: severity: want one of critical, warning, info; got "Loud"`,
	} {
		require.EqualError(t, c.ask(t, now, now, q)[0].Error, want)
	}
}

// groups are the fields of a wide frame by their label.
func groups(f *data.Frame, label string) map[string]string {
	out := map[string]string{}
	for _, field := range f.Fields {
		if value, ok := field.Labels[label]; ok {
			last, _ := field.ConcreteAt(field.Len() - 1)
			out[value] = fmt.Sprint(last)
		}
	}
	return out
}

func TestHazardsAreCounted(t *testing.T) {
	b := town(t)
	c := startPlugin(t).at(b.url())
	now := time.Now()
	ask := func(q string) *data.Frame {
		t.Helper()
		return one(t, c.ask(t, now.Add(-time.Hour), time.Now().Add(time.Second), q)[0])
	}
	open := ask(`{"kind":"hazards","hazards":{"show":"open"}}`)
	require.Equal(t, data.FrameTypeNumericWide, open.Meta.Type)
	require.Equal(t, map[string]string{"critical": "1", "warning": "2", "info": "0"}, groups(open, "severity"))
	require.Equal(t, map[string]string{"gas": "2", "drainage": "1"}, groups(ask(`{"kind":"hazards","hazards":{"show":"open","by":"domain"}}`), "domain"))
	require.Equal(t, map[string]string{"gas": "2"}, groups(ask(`{"kind":"hazards","hazards":{"show":"open","by":"domain","domain":["!drainage"]}}`), "domain"))
	require.Equal(t, map[string]string{"critical": "1", "warning": "1", "info": "0"}, groups(ask(`{"kind":"hazards","hazards":{"show":"open","team":["!municipal"]}}`), "severity"))
	require.Equal(t, map[string]string{"camera": "0", "gas": "2"}, groups(ask(`{"kind":"hazards","hazards":{"show":"open","by":"domain","domain":["gas","camera"]}}`), "domain"))
	require.Equal(t, map[string]string{"open": "3"}, groups(ask(`{"kind":"hazards","hazards":{"show":"open","by":"status"}}`), "status"))
	require.Equal(t, map[string]string{"critical": "0", "warning": "0", "info": "0"}, groups(ask(`{"kind":"hazards","hazards":{"show":"open","domain":["!gas","!drainage"]}}`), "severity"))
	require.Equal(t, []string{"critical", "warning", "info"}, names(ask(`{"kind":"hazards","hazards":{"show":"open","by":""}}`)), "by severity where nothing else is said")
	counts := ask(`{"kind":"hazards","hazards":{"show":"counts","by":""}}`)
	require.Equal(t, data.FrameTypeTimeSeriesWide, counts.Meta.Type)
	require.Equal(t, map[string]string{"critical": "1", "warning": "2", "info": "0"}, groups(counts, "severity"))
	require.LessOrEqual(t, counts.Fields[0].Len(), 1001)
	require.Equal(t, map[string]string{"open": "3", "opened": "0", "resolved": "0"}, keep(groups(ask(`{"kind":"hazards","hazards":{"show":"counts","by":"status"}}`), "status"), "opened", "0"))
	// Grafana's rules: a table is counted as well.
	rule := c.panel(t, map[string]string{"FromAlert": "true"}, now.Add(-time.Hour), time.Now().Add(time.Second),
		`{"kind":"hazards","hazards":{"show":"table"}}`, `{"kind":"response","response":{"by":"team"}}`, `{"kind":"assets"}`, `{"kind":"assets","assets":{"metrics":["gas_ch4_lel_percent"],"asset":["W1"]}}`)
	require.Equal(t, data.FrameTypeNumericWide, one(t, rule[0]).Meta.Type)
	require.Equal(t, data.FrameTypeNumericLong, one(t, rule[1]).Meta.Type)
	require.Equal(t, []string{"team", "open"}, names(rule[1].Frames[0]))
	require.Equal(t, []string{"asset", "domain", "street", "district", "team", "state"}, names(one(t, rule[2])))
	require.Equal(t, []string{"60"}, column(t, one(t, rule[3]), "gas_ch4_lel_percent"))
}

// keep puts a value in the place of one that depends on when the test ran.
func keep(m map[string]string, key, value string) map[string]string {
	m[key] = value
	return m
}

func TestHowFastHazardsAreDealtWith(t *testing.T) {
	b := town(t)
	b.line(t, "gas,asset=W1 ch4_lel_percent=20")
	b.hazards(t, 1, "?status=resolved")
	c := startPlugin(t).at(b.url())
	now := time.Now()
	ask := func(q string) *data.Frame {
		t.Helper()
		return one(t, c.ask(t, now.Add(-time.Hour), time.Now().Add(time.Second), q)[0])
	}
	summary := ask(`{"kind":"response"}`)
	require.Equal(t, []string{"municipal", "sanitation"}, column(t, summary, "team"))
	require.Equal(t, []string{"1", "2"}, column(t, summary, "opened"))
	require.Equal(t, []string{"0", "1"}, column(t, summary, "resolved"))
	require.Equal(t, []string{"1", "1"}, column(t, summary, "open"))
	require.Equal(t, "<nil>", column(t, summary, "resolve_p50")[0])
	require.NotEqual(t, "<nil>", column(t, summary, "resolve_p50")[1])
	require.Equal(t, []string{"sanitation"}, column(t, ask(`{"kind":"response","response":{"team":["!municipal"]}}`), "team"))
	require.Equal(t, []string{"大坪", "解放碑"}, column(t, ask(`{"kind":"response","response":{"show":"time_to_resolve","by":"street"}}`), "street"))
	ages := ask(`{"kind":"response","lang":"zh-CN","response":{"show":"open_by_age","by":"severity"}}`)
	require.Equal(t, []string{"0", "2"}, column(t, ages, "up_to_3600"))
	require.Equal(t, "≤ 1 小时", ages.Fields[1].Config.DisplayNameFromDS)
	require.Equal(t, []string{"0", "0"}, column(t, ask(`{"kind":"response","response":{"show":"repeats"}}`), "repeats"))
	opened := ask(`{"kind":"response","response":{"show":"opened"}}`)
	sum := 0.0
	for _, field := range opened.Fields[1:] {
		for row := range field.Len() {
			sum += field.At(row).(float64)
		}
	}
	require.InDelta(t, 3, sum, 0)
}

func TestHostileTextsStayTexts(t *testing.T) {
	b := serve(t, withRules, "rules.yml", gasRules, "catalog.yml", "assets: []\n")
	c := startPlugin(t).at(b.url())
	hostile := []string{
		`<script>alert(1)</script>`, `"quoted" \ back`, "\u202eright to left\u202c", "👩\u200d🚒🔥", "{{asset}}", "$__all", "${__from}", "!important", "a,b=c", "javascript:alert(1)",
	}
	ms := time.Now().UnixMilli()
	var lines strings.Builder
	for _, text := range append(hostile, strings.Repeat("长", 3400)) {
		_, _ = fmt.Fprintf(&lines, "gas,asset=%s ch4_lel_percent=60 %d\n", strings.NewReplacer(" ", `\ `, ",", `\,`, "=", `\=`).Replace(text), ms)
	}
	b.line(t, lines.String())
	want := len(hostile) + 1
	b.hazards(t, 2*want, "?limit=1000")
	now := time.Now().Add(time.Second)
	answers := c.ask(t, now.Add(-time.Hour), now,
		`{"expr":"gas_ch4_lel_percent","instant":true,"legendFormat":"{{asset}}"}`,
		`{"kind":"hazards","hazards":{"severity":["critical"]}}`,
		`{"expr":"gas_ch4_lel_percent","instant":true,"format":"table"}`,
		`{"kind":"hazards","hazards":{"show":"annotations","severity":["critical"]}}`,
	)
	var legends []string
	for _, f := range answers[0].Frames {
		require.Equal(t, f.Fields[1].Labels["asset"], f.Fields[1].Config.DisplayNameFromDS)
		legends = append(legends, f.Fields[1].Labels["asset"])
	}
	require.Len(t, legends, want)
	require.Subset(t, legends, hostile)
	require.Subset(t, column(t, one(t, answers[1]), "asset"), hostile)
	require.Subset(t, column(t, one(t, answers[2]), "asset"), hostile)
	for _, text := range column(t, one(t, answers[3]), "text") {
		require.NotContains(t, text, "<")
	}
	for _, url := range column(t, one(t, answers[1]), "url") {
		require.True(t, strings.HasPrefix(url, "https://belfry.example/city/hazards/"), url)
	}
}
