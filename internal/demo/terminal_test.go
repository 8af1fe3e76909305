package demo

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/internal/config"
)

func speaks(language config.Language) speech {
	return speech{phrases: phrasesOf(language), language: language, zone: time.UTC}
}

func leak() pager.Page {
	value, limit := 63.1234, 50.0
	return pager.Page{
		Type: "page", Status: pager.Firing, Rule: "GasCombustibleCritical", Severity: "critical", Domain: "gas", Asset: "W00012",
		Name: "Jiefangbei septic tank 12", NameZH: "解放碑街道化粪池12号",
		Street: "jiefangbei", Community: "minquanlu", District: "yuzhong", Team: "sanitation",
		Value: &value, Limit: &limit, Unit: "%LEL", Hazard: "1",
		Summary: "Explosion hazard in W00012: combustible gas 63.1 %LEL", SummaryZH: "W00012 爆炸危险：可燃气体 63.1 %LEL",
		ReadingTime: noon.Add(-412 * time.Millisecond), Time: noon, StartsAt: noon, LatencyMS: 412,
	}
}

func TestAPageSaysWhatWhereWhoHowMuchAndHowFast(t *testing.T) {
	resolved := leak()
	resolved.Status, resolved.EndsAt = pager.Resolved, noon.Add(37*time.Second)
	repeated := leak()
	repeated.Repeat, repeated.Time = true, noon.Add(time.Hour)
	held := leak()
	held.ReadingTime = noon.Add(-30*time.Second - 412*time.Millisecond)
	for _, test := range []struct {
		story    string
		language config.Language
		page     pager.Page
		want     []string
	}{
		{"critical", config.LanguageEnglish, leak(), []string{
			"CRITICAL  Explosion hazard in W00012: combustible gas 63.1 %LEL",
			"12:00:00  Jiefangbei septic tank 12, Minquan Road, Jiefangbei",
			"          Sanitation · 63.1 > 50 %LEL · 412 ms from reading to page",
		}},
		{"critical in Chinese", config.LanguageChinese, leak(), []string{
			"紧急      W00012 爆炸危险：可燃气体 63.1 %LEL",
			"12:00:00  解放碑街道化粪池12号，民权路社区，解放碑街道",
			"          环卫 · 63.1 > 50 %LEL · 读数到告警 412 ms",
		}},
		{"a rule with a time to last", config.LanguageEnglish, held, []string{
			"CRITICAL  Explosion hazard in W00012: combustible gas 63.1 %LEL",
			"12:00:00  Jiefangbei septic tank 12, Minquan Road, Jiefangbei",
			"          Sanitation · 63.1 > 50 %LEL · held 30s, then 412 ms to page",
		}},
		{"repeated", config.LanguageEnglish, repeated, []string{
			"CRITICAL  Explosion hazard in W00012: combustible gas 63.1 %LEL",
			"13:00:00  Jiefangbei septic tank 12, Minquan Road, Jiefangbei",
			"          Sanitation · 63.1 > 50 %LEL · firing still, for 1h0m0s",
		}},
		{"resolved", config.LanguageEnglish, resolved, []string{
			"RESOLVED  Jiefangbei septic tank 12, Minquan Road, Jiefangbei",
			"12:00:00  Sanitation · GasCombustibleCritical · over after 37s",
		}},
		{"nothing known", config.LanguageEnglish, pager.Page{Rule: "Down", Severity: "page", Status: pager.Firing, Time: noon}, []string{
			"page      Down", "12:00:00  -", "          no team",
		}},
		{"a name that moves the cursor", config.LanguageEnglish,
			pager.Page{Rule: "Down", Severity: "page", Status: pager.Firing, Time: noon, Name: "A\x1b[2J\nB"}, []string{
				"page      Down", "12:00:00  A[2JB", "          no team",
			}},
	} {
		t.Run(test.story, func(t *testing.T) {
			s := speaks(test.language)
			require.Equal(t, test.want, s.page(&test.page))
		})
	}
}

func TestTheLastTwoLinesStayWhereTheyAre(t *testing.T) {
	var out bytes.Buffer
	screen := &terminal{speech: speaks(config.LanguageEnglish), out: &out, width: func() int { return 40 }}
	require.NoError(t, screen.status(progress{ran: 42 * time.Second}))
	require.NotContains(t, out.String(), "\x1b[J", "nothing to take away yet")
	out.Reset()
	require.NoError(t, screen.page(leak()))
	erased := "\r\x1b[1A\x1b[J"
	require.True(t, strings.HasPrefix(out.String(), erased+"CRITICAL"), "the page takes the place of the status: %q", out.String())
	require.Contains(t, out.String(), "\n0:42", "which comes again below it")
	out.Reset()
	_, err := screen.Write([]byte("time=… level=ERROR\n"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(out.String(), erased+"time=… level=ERROR\n"))
	out.Reset()
	require.NoError(t, screen.finish(closing{ran: time.Minute}))
	require.True(t, strings.HasPrefix(out.String(), erased+"SUMMARY of 1m0s\n"))
	require.True(t, strings.HasSuffix(out.String(), "\n"), "the prompt stands in its own line")
}

func TestWhatIsPinnedNeverWraps(t *testing.T) {
	for _, language := range []config.Language{config.LanguageEnglish, config.LanguageChinese} {
		for width := 20; width <= 200; width++ {
			screen := &terminal{speech: speaks(language), out: &bytes.Buffer{}, width: func() int { return width }}
			for _, p := range []progress{
				{ran: time.Second},
				{ran: 30 * time.Hour, perSecond: 1e6, series: 1e6, status: status{stored: 1e9, refused: 1e6, pages: 1e5}},
				{status: status{trouble: errors.New("磁盘已满，" + strings.Repeat("很满", 50))}},
			} {
				require.NoError(t, screen.status(p))
				for _, line := range screen.pinned {
					require.LessOrEqual(t, columns(line), width-3)
				}
			}
		}
	}
}

var startsWithTime = regexp.MustCompile(`^  \d\d:\d\d:\d\d  `)

func TestTheSummaryFitsAndItsColumnsStandBelowEachOther(t *testing.T) {
	tally := newTally()
	tally.wrote(12_345, 6)
	for i := range remembered + 3 {
		p := leak()
		p.Hazard, p.LatencyMS = fmt.Sprint(i), float64(i+1)
		p.Time = p.ReadingTime.Add(time.Duration(p.LatencyMS) * time.Millisecond)
		if i%2 == 1 {
			p.Severity, p.Domain = "warning", "road"
		}
		tally.page(p)
		if i%3 == 0 {
			p.Status, p.EndsAt = pager.Resolved, noon.Add(time.Minute)
			tally.page(p)
		}
	}
	c := closing{totals: tally.totals(), ran: 10 * time.Second}
	require.Equal(t, latencies{Count: 53, P50: 27, P99: 53, Max: 53}, c.latencies)
	require.Equal(t, 53, c.pages)
	require.Equal(t, 18, c.resolved)
	require.Equal(t, 35, c.open())
	require.Len(t, c.recent, remembered)
	for _, language := range []config.Language{config.LanguageEnglish, config.LanguageChinese} {
		for _, width := range []int{80, 100, 120} {
			s := speaks(language)
			lines := s.summaryOf(c, width)
			list := 0
			var ends []int
			for _, line := range lines {
				require.LessOrEqual(t, columns(line), width, line)
				if startsWithTime.MatchString(line) {
					list++
					ends = append(ends, columns(line[:strings.Index(line, " ms")]))
				}
			}
			require.Equal(t, remembered, list)
			for _, end := range ends {
				require.Equal(t, ends[0], end)
			}
		}
	}
	text := strings.Join((&speech{phrases: english(), zone: time.UTC}).summaryOf(c, 80), "\n")
	require.Contains(t, text, "12,345 stored (1,235 a second), 6 refused")
	require.Contains(t, text, "53; 18 resolved, 35 open")
	require.Contains(t, text, "and 3 before these")
}

func TestARepeatIsNoSecondPage(t *testing.T) {
	tally := newTally()
	p := leak()
	tally.page(p)
	p.Repeat = true
	tally.page(p)
	require.Equal(t, 1, tally.status().pages)
	require.Equal(t, map[string]int{"critical": 1}, tally.status().openBy)
	p.Repeat, p.Status = false, pager.Resolved
	tally.page(p)
	require.Zero(t, tally.status().open())
}

func TestTheLanguageIsThatOfTheEnvironment(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		want config.Language
	}{
		{nil, config.LanguageEnglish},
		{map[string]string{"LANG": "zh_CN.UTF-8"}, config.LanguageChinese},
		{map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, config.LanguageEnglish},
		{map[string]string{"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_TW"}, config.LanguageChinese},
	} {
		require.Equal(t, test.want, LanguageOf(func(name string) string { return test.env[name] }), test.env)
	}
}

func TestFiguresAreShort(t *testing.T) {
	for v, want := range map[float64]string{
		63.1234: "63.1", 0.0597: "0.0597", 50: "50", 0: "0", 1234.5: "1234", -40.04: "-40", 224: "224", 0.1: "0.1",
	} {
		require.Equal(t, want, figure(v))
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		require.Equal(t, want, grouped(n))
	}
	for d, want := range map[time.Duration]string{
		3 * time.Second: "0:03", 62 * time.Second: "1:02", time.Hour + 61*time.Second: "1:01:01",
	} {
		require.Equal(t, want, clock(d))
	}
}
