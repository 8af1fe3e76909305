package pager

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

func examplePage() Page {
	at := time.Date(2026, 3, 1, 3, 12, 45, 38_000_000, time.UTC)
	return pageOf(at, at.Add(-38*time.Millisecond))
}

func pageOf(now, due time.Time) Page {
	a := &alert.Alert{Alert: model.Alert{
		Labels: model.LabelSet{
			"alertname": "GasMethaneCritical", "severity": "critical", "domain": "gas", "asset": "well-017",
			"street": "大坪街道", "district": "渝中区", "team": "municipal",
		},
		Annotations: model.LabelSet{
			"name": "Well 17", "name_zh": "17号井", "summary": "Methane", "summary_zh": "甲烷浓度",
			"value": "52.3", "limit": "50", "unit": "%LEL",
			"reading_time": model.LabelValue(due.Format(time.RFC3339Nano)),
		},
		StartsAt: due,
	}}
	pages := []Page{newPage(a, TerminalReceiver, false)}
	stamp(pages, now)
	return pages[0]
}

func TestPageOnATerminal(t *testing.T) {
	page := examplePage()
	resolvedPage := page
	resolvedPage.Status, resolvedPage.EndsAt = Resolved, page.StartsAt.Add(4*time.Minute+12*time.Second)
	repeated := page
	repeated.Repeat, repeated.Time = true, page.StartsAt.Add(time.Hour)
	oxygen := page
	oxygen.Severity, oxygen.Summary, oxygen.Unit = "warning", "Oxygen 18.2 %", "%"
	oxygen.Value, oxygen.Limit = number("18.2341"), number("19.5")
	bare := Page{Rule: "Down", Severity: "page", Status: Firing, Time: page.Time}
	for _, test := range []struct {
		story, language string
		page            Page
		want            []string
	}{
		{"critical", English, page, []string{
			"CRITICAL  Methane  52.3 %LEL > 50 %LEL",
			"          Well 17 (well-017), 大坪街道, 渝中区",
			"          Municipal works · GasMethaneCritical · 03:12:45 · 38 ms from reading to page",
		}},
		{"critical in Chinese", Chinese, page, []string{
			"紧急      甲烷浓度  52.3 %LEL > 50 %LEL",
			"          17号井（well-017），大坪街道，渝中区",
			"          市政 · GasMethaneCritical · 03:12:45 · 读数到告警 38 ms",
		}},
		{"resolved", English, resolvedPage, []string{
			"RESOLVED  Methane  was 52.3 %LEL > 50 %LEL",
			"          Well 17 (well-017), 大坪街道, 渝中区",
			"          Municipal works · GasMethaneCritical · 03:12:45 · after 4m12s",
		}},
		{"repeated", English, repeated, []string{
			"CRITICAL  Methane  52.3 %LEL > 50 %LEL",
			"          Well 17 (well-017), 大坪街道, 渝中区",
			"          Municipal works · GasMethaneCritical · 04:12:45 · firing still, for 1h0m",
		}},
		{"the summary says the value already", English, oxygen, []string{
			"WARNING   Oxygen 18.2 %  (limit 19.5 %)",
			"          Well 17 (well-017), 大坪街道, 渝中区",
			"          Municipal works · GasMethaneCritical · 03:12:45 · 38 ms from reading to page",
		}},
		{"nothing known", English, bare, []string{
			"PAGE      Down",
			"          -",
			"          no team · Down · 03:12:45",
		}},
	} {
		t.Run(test.story, func(t *testing.T) {
			require.Equal(t, strings.Join(test.want, "\n"), FormatPage(test.page, test.language))
		})
	}
}

func TestColoursAndZonesAreOptions(t *testing.T) {
	page := examplePage()
	require.NotContains(t, FormatPage(page, English), "\x1b")
	coloured := FormatPage(page, English, WithColour(), InZone(time.FixedZone("CST", 8*3600)))
	require.Contains(t, coloured, "\x1b[1;31mCRITICAL\x1b[0m  Methane")
	require.Contains(t, coloured, "11:12:45")
}

func TestNamesCannotMoveTheCursor(t *testing.T) {
	page := examplePage()
	page.Name, page.Summary, page.Street = "Well\x1b[2J", "Methane\r\nall is well", "\u202eStreet"
	text := FormatPage(page, English)
	require.Equal(t, 2, strings.Count(text, "\n"))
	for _, r := range "\x1b\r\u202e" {
		require.NotContains(t, text, string(r))
	}
}

func TestFiguresAreShort(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 52.3: "52.3", 50: "50", 0.25: "0.25", 1.0 / 3: "0.3333", 123456: "123456", -3.14159: "-3.142",
		0.000123: "0.000123", 99.99: "99.99", 1234.5: "1234", 10: "10",
	} {
		require.Equal(t, want, figure(v))
	}
}

func TestPageInMachineForm(t *testing.T) {
	encoded, err := json.Marshal(examplePage())
	require.NoError(t, err)
	require.JSONEq(t, `{
		"type": "page", "time": "2026-03-01T03:12:45.038Z", "status": "firing",
		"rule": "GasMethaneCritical", "severity": "critical", "domain": "gas", "asset": "well-017",
		"name": "Well 17", "name_zh": "17号井", "street": "大坪街道", "district": "渝中区", "team": "municipal",
		"value": 52.3, "limit": 50, "unit": "%LEL", "reading_time": "2026-03-01T03:12:45Z", "latency_ms": 38,
		"starts_at": "2026-03-01T03:12:45Z", "hazard": "`+examplePage().Hazard+`",
		"summary": "Methane", "summary_zh": "甲烷浓度", "receiver": "belfry-terminal"
	}`, string(encoded))
}

func TestNumbersThatJSONHasNotAreLeftOut(t *testing.T) {
	for _, s := range []string{"", "NaN", "+Inf", "-Inf", "high"} {
		require.Nil(t, number(s))
	}
}
