package pages

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
)

func TestCausesAreDueInTheirTurnWhateverBecomesOfThem(t *testing.T) {
	streets := []string{"daping", "jiefangbei"}
	all := causes(30*time.Second, rates{20, 2}, streets, 1)
	require.Len(t, all, 660)
	require.Equal(t, all, causes(30*time.Second, rates{20, 2}, streets, 1), "the same each time")
	classes, pages := map[Class]int{}, map[page]bool{}
	last := time.Duration(0)
	for _, c := range all {
		require.GreaterOrEqual(t, c.due, last)
		require.Less(t, c.due, 30*time.Second)
		last = c.due
		classes[c.class]++
		require.False(t, pages[c.page], "%v would be told apart by nobody", c.page)
		pages[c.page] = true
	}
	require.Equal(t, map[Class]int{LimitKnown: 150, LimitNew: 150, OwnKnown: 150, OwnNew: 150, StreetBays: 30, StreetOther: 30}, classes)
}

func TestReadingsOfCausesAreLineProtocolForRulesThatExist(t *testing.T) {
	d := district(t, 0.01)
	alerts := expressions(t, ruleSet(t, d, 468))
	for _, c := range causes(3*time.Second, rates{20, 4}, d.Streets(), 1) {
		require.NotEmpty(t, alerts[c.page.alert], c.page.alert)
		for _, lines := range [][]string{c.breaks, c.normal} {
			dec := lineprotocol.NewDecoderWithBytes(body(lines, begin))
			n := 0
			for dec.Next() {
				n++
				measurement, err := dec.Measurement()
				require.NoError(t, err)
				tags := map[string]string{}
				for {
					k, v, err := dec.NextTag()
					require.NoError(t, err)
					if k == nil {
						break
					}
					tags[string(k)] = string(v)
				}
				require.Equal(t, c.page.value, tags[c.page.label])
				field, _, err := dec.NextField()
				require.NoError(t, err)
				require.Contains(t, strings.Join(alerts[c.page.alert], "\n"), string(measurement)+"_"+string(field))
				at, err := dec.Time(lineprotocol.Nanosecond, time.Time{})
				require.NoError(t, err)
				require.True(t, at.Equal(begin))
			}
			require.Equal(t, len(lines), n)
		}
	}
}

func TestAssetsWithLimitsOfTheirOwnAreInTheCatalog(t *testing.T) {
	d := district(t, 0.01)
	all := causes(time.Second, rates{20, 2}, d.Streets(), 1)
	paths, err := (Options{District: d}).catalogs(t.TempDir(), all)
	require.NoError(t, err)
	c, err := catalog.Load(paths)
	require.NoError(t, err)
	own := 0
	sent := strings.Join(d.catalogLines(all), "\n")
	for _, cause := range all {
		if cause.own == nil {
			continue
		}
		own++
		a, ok := c.Asset(cause.own.asset)
		require.True(t, ok)
		require.Len(t, a.Thresholds, 1)
		require.InDelta(t, cause.own.value, a.Thresholds[0].Value, 0)
		require.Contains(t, sent, "asset="+cause.own.asset+",metric="+cause.own.metric)
	}
	require.Equal(t, 10, own)
}

func TestTheDistrictSendsTheSeriesOfTheBar(t *testing.T) {
	d := district(t, 1)
	require.Equal(t, 34_000, d.Series)
	require.Len(t, d.Streets(), 11)
	require.Len(t, d.Lots(), 62)
	load, err := d.rounds(1000, 340*time.Millisecond)
	require.NoError(t, err)
	metrics := map[string]int{}
	for part := range load.Parts() {
		for m, n := range load.Metrics(part) {
			metrics[m] += n
		}
	}
	require.Equal(t, 24_000, metrics["parking_bay_occupied"])
	require.Equal(t, 1000, metrics["gas_ch4_lel_percent"])
	require.Equal(t, 1000, metrics["camera_up"])
	require.NotContains(t, metrics, "parking_bay_arrivals_total")
	require.Contains(t, string(load.Body(0, 0, begin)), "parking_bay,asset=P001-B0001,street=jiefangbei,parent=P001 occupied=")
}

func TestTheTableForPeople(t *testing.T) {
	one := func(class Class, scale float64) Times {
		return Times{Class: class, Caused: 300, P50: 5 * scale, P90: 9 * scale, P99: 40 * scale, Max: 90 * scale}
	}
	slow := one(OwnNew, 100)
	slow.Lost, slow.Twice = 2, 1
	r := &Result{
		Rules: 500, Series: 34_000, Rate: 100_000, Seconds: 60, PatienceSeconds: 60,
		Systems: []Measured{
			{System: "belfry", Classes: []Times{one(LimitKnown, 1), one(OwnNew, 1.5)}, Assets: one("", 1), Streets: one("", 30), SamplesPerSecond: 99_990, Ack50: 3, Ack99: 20, Cores: 0.8, PeakRSS: 300, Late: 0.4},
			{System: "victoriametrics, no delays", Classes: []Times{one(LimitKnown, 90), slow}, Assets: slow, Streets: one("", 90), SamplesPerSecond: 99_980, Cores: 1.2, PeakRSS: 400, Failed: 1,
				Others: map[string]int{"WellRisesFast": 3, "CameraDown": 1}},
		},
	}
	r.CPUs, r.LoadBefore = 2, "0.01 0.02 0.03"
	var b bytes.Buffer
	require.NoError(t, r.WriteTable(&b))
	golden(t, "pages.txt", b.Bytes())

	cost := &CostResult{Run: r.Run, Rules: 500, Series: 34_000, Ways: []CostWay{
		{Name: "no rules", PerSecond: []float64{4e6, 3e6}, CPU: []float64{300, 310}, P99: []float64{20, 30}},
		{Name: "340 rules with limits, only woken", PerSecond: []float64{3.8e6, 2.8e6}, CPU: []float64{320, 330}, P99: []float64{20, 30}},
		{Name: "all 500 rules, only woken", PerSecond: []float64{3.8e6, 2.4e6}, CPU: []float64{320, 330}, P99: []float64{20, 30}},
		{Name: "all rules, also on their interval", PerSecond: []float64{3e6, 2e6}, CPU: []float64{400, 400}, P99: []float64{40, 40}},
	}}
	b.Reset()
	require.NoError(t, cost.WriteTable(&b))
	golden(t, "cost.txt", b.Bytes())
	require.NoError(t, r.Save(t.TempDir()))
	require.NoError(t, cost.Save(t.TempDir()))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}
