package catalog_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/internal/config/strict"
)

const wells = `
assets:
  - id: W17
    domain: gas
    kind: septic_tank
    name: Septic tank 17, Minsheng Road
    name_zh: 民生路17号化粪池
    district: yuzhong
    street: 解放碑街道
    community: 民生路社区
    team: sanitation
    lat: 29.5586
    lon: 106.5772
    external: {devEui: 70b3d57ed0001234, mn: "010000A8900016F000169DC0"}
    expected_interval: 5m
    thresholds:
      - {metric: gas_ch4_lel_percent, direction: above, level: warning, value: 10}
      - {metric: gas_ch4_lel_percent, direction: above, level: critical, value: 20}
      - {metric: gas_o2_percent, direction: below, level: warning, value: 19.5}
  - id: 007
    expected_interval: 90
  - {id: 桥-1, domain: bridge, team: municipal}
`

const bays = "\ufeffid,domain,kind,name,name_zh,district,street,community,team,lat,lon,expected_interval,external.devEui,threshold.parking.x.above.warning\r\n" +
	"P1,parking,bay,\"Bay 1,\nnorth\",一号,yuzhong,s,c,urban_management,29.5,106.5,60,0011,1\r\n" +
	"P2, parking ,,,,,,,,,,,,\r\n" +
	",,,,,,,,,,,,,\r\n" +
	"\r\n" +
	"P3,,,,,,,,volunteers,,,1h,,-2.5e1\r\n"

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestACatalogOfYAMLAndCSV(t *testing.T) {
	c, err := catalog.Load([]string{write(t, "wells.yml", wells), write(t, "BAYS.CSV", bays)})
	require.NoError(t, err)
	require.Equal(t, 6, c.Len())
	var ids []string
	for _, a := range c.Assets() {
		ids = append(ids, a.ID)
	}
	require.Equal(t, []string{"007", "P1", "P2", "P3", "W17", "桥-1"}, ids)

	w, ok := c.Asset("W17")
	require.True(t, ok)
	require.Equal(t, &catalog.Asset{
		ID: "W17", Domain: "gas", Kind: "septic_tank",
		Name: "Septic tank 17, Minsheng Road", NameZH: "民生路17号化粪池",
		District: "yuzhong", Street: "解放碑街道", Community: "民生路社区", Team: "sanitation",
		Lat: 29.5586, Lon: 106.5772,
		External:         map[string]string{"devEui": "70b3d57ed0001234", "mn": "010000A8900016F000169DC0"},
		ExpectedInterval: 5 * time.Minute,
		Thresholds: []catalog.Threshold{
			{Metric: "gas_ch4_lel_percent", Direction: catalog.Above, Level: catalog.Warning, Value: 10},
			{Metric: "gas_ch4_lel_percent", Direction: catalog.Above, Level: catalog.Critical, Value: 20},
			{Metric: "gas_o2_percent", Direction: catalog.Below, Level: catalog.Warning, Value: 19.5},
		},
	}, w)
	require.True(t, w.Located())
	found, ok := c.ByExternal("devEui", "70b3d57ed0001234")
	require.True(t, ok)
	require.Same(t, w, found)
	_, ok = c.ByExternal("mn", "70b3d57ed0001234")
	require.False(t, ok)

	p, ok := c.Asset("P1")
	require.True(t, ok)
	require.Equal(t, "Bay 1,\nnorth", p.Name)
	require.Equal(t, time.Minute, p.ExpectedInterval)
	require.Equal(t, map[string]string{"devEui": "0011"}, p.External)
	require.Equal(t, []catalog.Threshold{{Metric: "parking.x", Direction: "above", Level: "warning", Value: 1}}, p.Thresholds)

	p, _ = c.Asset("P2")
	require.False(t, p.Located())
	require.Equal(t, "parking", p.Domain)
	require.Empty(t, p.Thresholds)
	p, _ = c.Asset("P3")
	require.Equal(t, -25.0, p.Thresholds[0].Value)
	require.Equal(t, time.Hour, p.ExpectedInterval)
	p, _ = c.Asset("007")
	require.Equal(t, 90*time.Second, p.ExpectedInterval)
	_, ok = c.Asset("W18")
	require.False(t, ok)
}

func TestSeriesForJoins(t *testing.T) {
	c, err := catalog.Parse("wells.yml", []byte(wells))
	require.NoError(t, err)
	got := map[string]float64{}
	c.Series(func(metric string, ls labels.Labels, value float64) {
		require.Equal(t, metric, ls.Get(model.MetricNameLabel))
		got[ls.String()] = value
	})
	require.Equal(t, map[string]float64{
		`{__name__="asset_info", asset="007"}`: 1,
		`{__name__="asset_info", asset="W17", community="民生路社区", district="yuzhong", domain="gas", kind="septic_tank", name="Septic tank 17, Minsheng Road", name_zh="民生路17号化粪池", street="解放碑街道", team="sanitation"}`: 1,
		`{__name__="asset_threshold", asset="W17", direction="above", level="warning", metric="gas_ch4_lel_percent"}`:                                                                                                 10,
		`{__name__="asset_threshold", asset="W17", direction="above", level="critical", metric="gas_ch4_lel_percent"}`:                                                                                                20,
		`{__name__="asset_threshold", asset="W17", direction="below", level="warning", metric="gas_o2_percent"}`:                                                                                                      19.5,
		`{__name__="asset_info", asset="桥-1", domain="bridge", team="municipal"}`:                                                                                                                                     1,
	}, got, slices.Collect(maps.Keys(got)))
}

func TestEmptyCatalogs(t *testing.T) {
	require.Zero(t, catalog.Empty().Len())
	for name, text := range map[string]string{"a.yml": "", "b.yml": "assets:\n", "c.yml": "assets: []\n", "d.csv": "id\n"} {
		c, err := catalog.Parse(name, []byte(text))
		require.NoError(t, err, name)
		require.Zero(t, c.Len())
		_, ok := c.Asset("")
		require.False(t, ok)
	}
	c, err := catalog.Load(nil)
	require.NoError(t, err)
	require.Zero(t, c.Len())
}

func TestEveryProblemOfAYAMLCatalog(t *testing.T) {
	const text = `assets:
  - id: W17
    domain: gaz
    team: sanitatoin
    lat: 91
    colour: red
  - id: ""
  - domain: gas
  - id: W18
    lat: 29
  - id: W17
  - id: W19
    external: {devEui: "1"}
    expected_interval: often
    thresholds:
      - {metric: m, direction: over, level: warning, value: 1}
      - {metric: m, direction: above, level: fatal, value: 1}
      - {metric: m, direction: above, level: warning, value: .nan}
      - {metric: m, direction: above, level: warning}
      - {metric: m, direction: above, level: warning, value: 5}
      - {metric: m, direction: above, level: warning, value: 6}
      - {metric: m, direction: above, level: critical, value: 4}
  - id: W20
    external: {devEui: "1"}
  - W21
`
	_, err := catalog.Parse("c.yml", []byte(text))
	require.Error(t, err)
	require.Equal(t, []string{
		`c.yml:3: assets[0].domain: want one of gas, bridge, tunnel, road, drainage, water, lighting, landscape, parking, camera, device (did you mean "gas"?); got "gaz"`,
		`c.yml:4: assets[0].team: want one of sanitation, municipal, landscape, urban_management, volunteers (did you mean "sanitation"?); got "sanitatoin"`,
		`c.yml:5: assets[0].lat: want degrees from -90 to 90; got "91"`,
		`c.yml:6: assets[0].colour: unknown key; known here: community, district, domain, expected_interval, external, id, kind, lat, lon, name, name_zh, street, team, thresholds`,
		`c.yml:7: assets[1].id: want the id by which its series call it (label asset); got ""`,
		`c.yml:8: assets[2]: want an id; got none`,
		`c.yml:9: assets[3]: want both lat and lon, or neither; got one of them`,
		`c.yml:11: id: want an id of its own; "W17" is already at c.yml:2`,
		`c.yml:14: assets[5].expected_interval: want a duration such as 5m, or a number of seconds, more than 0; got "often"`,
		`c.yml:16: assets[5].thresholds[0].direction: want one of above, below; got "over"`,
		`c.yml:17: assets[5].thresholds[1].level: want one of warning, critical; got "fatal"`,
		`c.yml:18: assets[5].thresholds[2].value: want a number; got ".nan"`,
		`c.yml:19: assets[5].thresholds[3]: want metric, direction, level and value; got only some of them`,
		`c.yml:21: assets[5].thresholds[5]: want one threshold for m above warning; got a second one`,
		`c.yml:22: assets[5].thresholds[6]: want warning to be reached before critical; got m above 5 for warning and 4 for critical`,
		`c.yml:23: external.devEui: want an id of its own; "1" is already at c.yml:12`,
		`c.yml:25: assets[7]: want keys and values (community, district, domain, expected_interval, external, id, kind, lat, lon, name, name_zh, street, team, thresholds); got "W21"`,
	}, strings.Split(err.Error(), "\n"))
}

func TestEveryProblemOfACSVCatalog(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"rows": {
			"id,team,lat,lon,threshold.m.below.critical,threshold.m.below.warning\n" +
				"W1,gardeners,,,,\nW2,,1,,,\nW1,,,,,\n,volunteers,,,,\nW3\nW4,,,,x,\nW5,,,,5,4\nW6,\"a\"b,,,,\nW7,,,,,7\n",
			[]string{
				`c.csv:2: team: want one of sanitation, municipal, landscape, urban_management, volunteers; got "gardeners"`,
				`c.csv:3: want both lat and lon, or neither; got one of them`,
				`c.csv:4: id: want an id of its own; "W1" is already at c.csv:2`,
				`c.csv:5: want an id; got none`,
				`c.csv:6: want 6 cells, as in the first row; got 1`,
				`c.csv:7: threshold.m.below.critical: want a number; got "x"`,
				`c.csv:8: threshold.m.below.warning: want warning to be reached before critical; got m below 4 for warning and 5 for critical`,
				`c.csv:9: want rows of cells between commas; got extraneous or missing " in quoted-field at character 6`,
			},
		},
		"columns": {
			"id,namee,colour,id,threshold.x,threshold..above.warning,external.\nW1,,,,,,\n",
			[]string{
				`c.csv:1: "namee": unknown column; did you mean "name"?`,
				`c.csv:1: "colour": unknown column; known here: community, district, domain, expected_interval, id, kind, lat, lon, name, name_zh, street, team, external.KIND, threshold.METRIC.above|below.warning|critical`,
				`c.csv:1: id: want each column once; got it again`,
				`c.csv:1: threshold.x: want threshold.METRIC.DIRECTION.LEVEL with direction above or below and level warning or critical`,
				`c.csv:1: threshold..above.warning: want the name of a metric between the first two dots`,
				`c.csv:1: "external.": unknown column; known here: community, district, domain, expected_interval, id, kind, lat, lon, name, name_zh, street, team, external.KIND, threshold.METRIC.above|below.warning|critical`,
			},
		},
		"no id":      {"name\nx\n", []string{`c.csv:1: want a column id; got none`}},
		"semicolons": {"id;name\nW1;x\n", []string{`c.csv:1: "id;name": unknown column; want commas between columns`, `c.csv:1: want a column id; got none`}},
		"nothing":    {"", []string{`c.csv:1: want a first row that names the columns, one of them id; got nothing`}},
		"GBK":        {"id,name\nW1,\xbe\xae\n", []string{`c.csv:2: want UTF-8; got another encoding (spreadsheets call the right one "CSV UTF-8")`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := catalog.Parse("c.csv", []byte(tc.text))
			require.Error(t, err)
			require.Equal(t, tc.want, strings.Split(err.Error(), "\n"))
		})
	}
}

func TestNamesThatNoSeriesCanHave(t *testing.T) {
	const wantID = "want the id by which its series call it (label asset), on one line and without tabs and other control characters"
	const wantMetric = "the name of a metric, such as gas_ch4_lel_percent, of letters, digits, _ and :, without spaces, brackets and the like"
	for text, want := range map[string][]string{
		`assets:
  - id: "W\t17"
  - id: |
      W18
  - id: "W\x0119"
  - id: "W\u202820"
  - id: W 21
    thresholds:
      - {metric: gas ch4, direction: above, level: warning, value: 1}
      - {metric: "gas_ch4\n", direction: above, level: warning, value: 1}
      - {metric: "gas_ch4{asset='W21'}", direction: above, level: warning, value: 1}
      - {metric: "液位　米", direction: above, level: warning, value: 1}
      - {metric: "", direction: above, level: warning, value: 1}
      - {metric: 液位_米, direction: above, level: warning, value: 1}
      - {metric: street:gas-ch4.max, direction: above, level: warning, value: 1}
`: {
			`c:2: assets[0].id: ` + wantID + `; got "W\t17"`,
			`c:3: assets[1].id: ` + wantID + `; got "W18\n"`,
			`c:5: assets[2].id: ` + wantID + `; got "W\x0119"`,
			`c:6: assets[3].id: ` + wantID + `; got "W\u202820"`,
			`c:9: assets[4].thresholds[0].metric: want ` + wantMetric + `; got "gas ch4"`,
			`c:10: assets[4].thresholds[1].metric: want ` + wantMetric + `; got "gas_ch4\n"`,
			`c:11: assets[4].thresholds[2].metric: want ` + wantMetric + `; got "gas_ch4{asset='W21'}"`,
			`c:12: assets[4].thresholds[3].metric: want ` + wantMetric + `; got "液位\u3000米"`,
			`c:13: assets[4].thresholds[4].metric: want the name of a metric, such as gas_ch4_lel_percent; got ""`,
		},
		"id,threshold.gas ch4.above.warning,threshold.液位.above.warning\n\"W\n1\",1,1\nW\t2,,\nW3,,\n": {
			`c.csv:1: "threshold.gas ch4.above.warning": want between the first two dots ` + wantMetric + `; got "gas ch4"`,
			`c.csv:2: id: ` + wantID + `; got "W\n1"`,
			`c.csv:4: id: ` + wantID + `; got "W\t2"`,
		},
	} {
		name, _, _ := strings.Cut(want[0], ":")
		_, err := catalog.Parse(name, []byte(text))
		require.Error(t, err)
		require.Equal(t, want, strings.Split(err.Error(), "\n"))
	}
}

func TestProblemsOfAllFilesAreReported(t *testing.T) {
	a, b := write(t, "a.yml", "assets:\n- id: W1\n"), write(t, "b.csv", "id\nW2\nW1\n")
	none := filepath.Join(t.TempDir(), "none.yml")
	_, err := catalog.Load([]string{a, none, b})
	var problems strict.Problems
	require.ErrorAs(t, err, &problems)
	require.Equal(t, strict.Problems{
		{File: none, Text: "want a file that can be read: no such file or directory"},
		{File: b, Line: 3, Text: fmt.Sprintf(`id: want an id of its own; "W1" is already at %s:2`, a)},
	}, problems)
}

func district(n int) (yml, table string) {
	var y, c strings.Builder
	y.WriteString("# parking\nassets:\n")
	c.WriteString("id,domain,kind,name,name_zh,district,street,community,team,lat,lon,external.devEui,expected_interval\n")
	for i := range n {
		fmt.Fprintf(&y, "  - id: bay-%05d\n    domain: parking\n    kind: bay\n    name: Bay %d, Minsheng Road\n    name_zh: 民生路%d号泊位\n"+
			"    district: yuzhong\n    street: 解放碑街道\n    community: 民生路社区\n    team: urban_management\n"+
			"    lat: 29.55\n    lon: 106.57\n    external: {devEui: 70b3d5%010d}\n    expected_interval: 5m\n", i, i, i, i)
		fmt.Fprintf(&c, "bay-%05d,parking,bay,\"Bay %d, Minsheng Road\",民生路%d号泊位,yuzhong,解放碑街道,民生路社区,urban_management,29.55,106.57,70b3d5%010d,5m\n", i, i, i, i)
	}
	return y.String(), c.String()
}

func TestBothFormatsSayTheSame(t *testing.T) {
	y, c := district(1000)
	fromYAML, err := catalog.Parse("bays.yml", []byte(y))
	require.NoError(t, err)
	fromCSV, err := catalog.Parse("bays.csv", []byte(c))
	require.NoError(t, err)
	require.Equal(t, 1000, fromYAML.Len())
	require.Equal(t, fromCSV, fromYAML)

	// A mistake far down in a large file is found on its line.
	_, err = catalog.Parse("bays.yml", []byte(strings.Replace(y, "id: bay-00999", "id: bay-00999\n    oops: 1", 1)))
	line := strings.Count(y[:strings.Index(y, "id: bay-00999")], "\n") + 2
	require.ErrorContains(t, err, fmt.Sprintf("bays.yml:%d: assets[999].oops: unknown key", line))
	_, err = catalog.Parse("bays.yml", []byte(strings.Replace(y, "id: bay-00999", "id: bay-00000", 1)))
	require.ErrorContains(t, err, fmt.Sprintf(`bays.yml:%d: id: want an id of its own; "bay-00000" is already at bays.yml:3`, line-1))
}

func BenchmarkLoad24000(b *testing.B) {
	y, c := district(24000)
	for name, text := range map[string]string{"bays.yml": y, "bays.csv": c} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := catalog.Parse(name, []byte(text))
				require.NoError(b, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a.yml", wells)
	f.Add("a.csv", bays)
	f.Add("a.yml", "assets: &a\n- id: 1\n  thresholds: *a\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		c, err := catalog.Parse(name, []byte(text))
		if err == nil {
			for _, a := range c.Assets() {
				found, ok := c.Asset(a.ID)
				require.True(t, ok)
				require.Same(t, a, found)
				require.NotEmpty(t, a.ID)
			}
			c.Series(func(_ string, ls labels.Labels, _ float64) { require.False(t, ls.IsEmpty()) })
			return
		}
		var problems strict.Problems
		require.ErrorAs(t, err, &problems)
		for _, p := range problems {
			require.Positive(t, p.Line, p.Text)
		}
	})
}
