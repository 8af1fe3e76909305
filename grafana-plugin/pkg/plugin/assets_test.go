package plugin

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

func TestPanelsOfAssets(t *testing.T) {
	b := town(t)
	b.line(t, "gas,asset=W1,probe=deep ch4_lel_percent=61\nlamp_power_w,asset=L1 value=70")
	c := startPlugin(t).at(b.url())
	ask := func(q string) *data.Frame {
		t.Helper()
		now := time.Now()
		return one(t, c.ask(t, now.Add(-time.Hour), now.Add(time.Second), q)[0])
	}
	var all *data.Frame
	eventually(t, func() bool {
		all = ask(`{"kind":"assets","assets":{"metrics":["gas_ch4_lel_percent","road_water_depth_mm"]}}`)
		return fmt.Sprint(column(t, all, "asset")) == "[W1 R1 L1 W2]"
	}, func() string { return fmt.Sprint(column(t, all, "asset")) })
	require.Equal(t, []string{"3", "2", "0", "0"}, column(t, all, "state"))
	require.Equal(t, []string{"critical", "warning", "ok", "ok"}, column(t, all, "state_text"))
	require.Equal(t, []string{"一号井", "下穿道", "L1", "二号井"}, column(t, all, "name_zh"))
	require.Equal(t, []string{"29.55", "29.54", "<nil>", "<nil>"}, column(t, all, "lat"))
	require.Equal(t, []string{"61", "<nil>", "<nil>", "1"}, column(t, all, "gas_ch4_lel_percent"), "the largest of an asset's series")
	gas, _ := all.FieldByName("gas_ch4_lel_percent")
	require.Equal(t, "suffix: %LEL", gas.Config.Unit)
	require.Equal(t, []string{"R1", "W1"}, column(t, ask(`{"kind":"assets","assets":{"show":"map"}}`), "asset"), "what has a position, the worst on top")
	nowhere := ask(`{"kind":"assets","assets":{"show":"map","asset":["L1","W2"]}}`)
	require.Contains(t, nowhere.Meta.Notices[0].Text, "The worst of these 2 assets have no position. Give lat and lon")
	require.Equal(t, []string{"W1", "R1"}, column(t, ask(`{"kind":"assets","assets":{"state":["!ok"]}}`), "asset"))
	require.Equal(t, []string{"R1"}, column(t, ask(`{"kind":"assets","assets":{"q":"xcd"}}`), "asset"), "pinyin initials")
	cut := ask(`{"kind":"assets","lang":"zh-CN","assets":{"limit":1}}`)
	require.Equal(t, "只显示了状态最差的 1 个设施，共 4 个。请加筛选条件，或调大查询的条数上限（最多 10000）。", cut.Meta.Notices[0].Text)
	every := ask(`{"kind":"assets","assets":{"asset":["W1"],"metrics":["*"]}}`)
	require.Contains(t, names(every), "gas_ch4_lel_percent")
	before := one(t, c.ask(t, time.Now().Add(-3*time.Hour), time.Now().Add(-2*time.Hour), `{"kind":"assets","assets":{"asset":["W1"],"metrics":["gas_ch4_lel_percent"]}}`)[0])
	require.Equal(t, []string{"<nil>"}, column(t, before, "gas_ch4_lel_percent"), "there were no readings then")
}

func TestAssetsAndValuesComeLive(t *testing.T) {
	b := town(t)
	c := startPlugin(t).at(b.url())
	path, _ := c.channel(t, `{"kind":"assets","live":true,"assets":{"asset":["W2"],"metrics":["gas_ch4_lel_percent"]}}`)
	f := c.follow(t, path)
	f.until(t, has(t, "gas_ch4_lel_percent", "1"))
	b.line(t, "gas,asset=W2 ch4_lel_percent=7")
	f.until(t, has(t, "gas_ch4_lel_percent", "7"))
	b.line(t, "gas,asset=W2 ch4_lel_percent=77")
	f.until(t, has(t, "state", "3"))
}

func TestLiveSeriesNeverMixWithOthers(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	c := startPlugin(t).at(b.url())
	past := time.Now().Add(-30 * time.Minute).UnixMilli()
	b.line(t, fmt.Sprintf("gas,asset=W2 ch4_lel_percent=60 %d\ngas,asset=W2 ch4_lel_percent=1 %d\ngas,asset=W4 ch4_lel_percent=40", past, past+300_000))
	path, first := c.channel(t, `{"expr":"gas_ch4_lel_percent + 0 > 5","range":true,"interval":"1s","live":true,"legendFormat":"{{asset}}"}`)
	require.Equal(t, []string{"Time", `{asset="W2"}`, `{asset="W4"}`}, names(first), "one frame, for rows to be added")
	v := c.follow(t, path)
	shown := func(values ...string) {
		t.Helper()
		row := v.until(t, func(f *data.Frame) bool {
			got := map[string]string{}
			for _, field := range f.Fields[1:] {
				got[field.Labels["asset"]] = column(t, f, field.Name)[0]
			}
			return got["W1"] == values[0] && got["W2"] == values[1] && got["W3"] == values[2] && got["W4"] == values[3]
		})
		require.Equal(t, 1, row.Fields[0].Len())
		require.IsIncreasing(t, names(row)[1:])
		for _, field := range row.Fields[1:] {
			require.Equal(t, field.Labels["asset"], field.Config.DisplayNameFromDS)
		}
	}
	// W2 was there in the panel's time.
	shown("", "<nil>", "", "40")
	b.line(t, "gas,asset=W4 ch4_lel_percent=41\ngas,asset=W3 ch4_lel_percent=30")
	shown("", "<nil>", "30", "41")
	b.line(t, "gas,asset=W3 ch4_lel_percent=2\ngas,asset=W1 ch4_lel_percent=10")
	shown("10", "<nil>", "<nil>", "41")
	b.line(t, "gas,asset=W1 ch4_lel_percent=3\ngas,asset=W4 ch4_lel_percent=4")
	shown("<nil>", "<nil>", "<nil>", "<nil>")
	b.line(t, "gas,asset=W2 ch4_lel_percent=20")
	shown("<nil>", "20", "<nil>", "<nil>")
}

func TestLabelsOfMarkupFitAndKeepAllTheTime(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	c := startPlugin(t).at(b.url())
	began := time.Now().Add(-time.Minute).Truncate(time.Second)
	var lines strings.Builder
	for i := range 2000 {
		for s := range 3 {
			_, _ = fmt.Fprintf(&lines, "marked,id=%d,text=%s value=%d %d\n", i, strings.Repeat("<b>&", 250), i, began.Add(time.Duration(s)*time.Second).UnixMilli())
		}
	}
	b.line(t, lines.String())
	for _, q := range []string{`{"expr":"marked","range":true,"interval":"1s"}`, `{"expr":"marked","range":true,"interval":"1s","live":true}`, `{"expr":"marked","instant":true}`} {
		c.answered = 0
		answer := c.ask(t, began, began.Add(2*time.Second), q)[0]
		require.NoError(t, answer.Error)
		require.Less(t, c.answered, 9<<20, q)
		require.Regexp(t, "Shown are [1-9][0-9]* of 2000 series, because", answer.Frames[0].Meta.Notices[0].Text)
		if strings.Contains(q, "range") {
			require.Equal(t, 3, answer.Frames[0].Fields[0].Len(), "all of the time")
		}
	}
}

func TestWhatIsTooMuchIsCutWithANotice(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: []\n")
	c := startPlugin(t).at(b.url())
	ms := time.Now().Add(-time.Minute).UnixMilli()
	var lines strings.Builder
	for i := range 6000 {
		_, _ = fmt.Fprintf(&lines, "lamp_power_w,asset=L%05d value=%d %d\n", i, i, ms)
	}
	b.line(t, lines.String())
	now := time.Now()
	panel := c.ask(t, now.Add(-2*time.Minute), now,
		`{"expr":"lamp_power_w","instant":true}`,
		`{"expr":"lamp_power_w","instant":true,"format":"table"}`,
		`{"expr":"lamp_power_w < 700","range":true,"interval":"100ms"}`,
		`{"expr":"lamp_power_w{asset=\"L00001\"}","instant":true}`,
	)
	for _, answer := range panel {
		require.NoError(t, answer.Error)
	}
	require.Contains(t, panel[0].Frames[0].Meta.Notices[0].Text, "Shown are 5000 of 6000 series. Ask for fewer")
	require.Contains(t, panel[1].Frames[0].Meta.Notices[0].Text, "Shown are 5000 of 6000 series")
	last := panel[2].Frames[0].Meta.Notices
	require.Contains(t, last[len(last)-1].Text, "because the answer is too large for Grafana")
	require.Empty(t, panel[3].Frames[0].Meta.Notices, "a small query of the same panel is whole")
	require.Less(t, c.answered, 9<<20, "bytes on the way to Grafana")
	require.Greater(t, c.answered, 4<<20)
	rule := c.panel(t, map[string]string{"FromAlert": "true"}, now.Add(-2*time.Minute), now, `{"expr":"lamp_power_w","instant":true}`, `{"expr":"sum(lamp_power_w)","instant":true}`)
	require.ErrorContains(t, rule[0].Error, "An alert rule has to see everything, and this is too much. Shown are 5000 of 6000 series")
	require.NoError(t, rule[1].Error)
	endless := c.ask(t, now.Add(-2*time.Minute), now, `{"expr":"lamp_power_w","range":true,"interval":"100ms"}`)[0]
	require.NoError(t, endless.Error)
	require.NotEmpty(t, endless.Frames)
	require.Regexp(t, "^Shown are the first [1-9][0-9]* series: Belfry's answer is larger than can be read. Ask for less time", endless.Frames[0].Meta.Notices[0].Text)
}
