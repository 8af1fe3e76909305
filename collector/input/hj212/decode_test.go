package hj212

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/inputtest"
	"github.com/belfry-city/belfry/collector/reading"
	device "github.com/belfry-city/belfry/loadtest/hj212"
)

var update = flag.Bool("update", false, "write golden files")

// shanghai is where devices of the tests stand.
func shanghai() *time.Location { return time.FixedZone("CST", 8*60*60) }

func testDecoder(t testing.TB) *Decoder {
	t.Helper()
	table, err := NewTable(map[string]string{"x10001": "gas_ch4_lel_percent", "A99054": "air_tvoc_mg_per_m3"})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "catalog.yml")
	require.NoError(t, os.WriteFile(file, []byte("assets:\n- {id: outfall-3, domain: water, external: {hj212_mn: 010000A8900016F000169DC0}}\n- {id: old, external: {mn: \"88888880000001\"}}\n"), 0o644))
	c, err := catalog.Load([]string{file})
	require.NoError(t, err)
	return NewDecoder(DecoderOptions{
		Table: table, Zone: shanghai(), Catalog: func() *catalog.Catalog { return c }, ValidFlags: []string{"N", "T", "1", "3"},
	})
}

func saying(body string) *input.Message {
	return &input.Message{Body: []byte(body), Received: time.Date(2016, 8, 1, 0, 59, 0, 0, time.UTC).UnixMilli()}
}

// TestSegmentsBecomeTheReadingsOfTheirGoldenFiles holds the decoder against
// files of segments, one a line, most of them examples of HJ 212-2017, annex C.
func TestSegmentsBecomeTheReadingsOfTheirGoldenFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.segments")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	d := testDecoder(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var out strings.Builder
			for line := range strings.Lines(string(text)) {
				line = strings.TrimSuffix(line, "\n")
				out.WriteString("> " + line + "\n" + inputtest.Spell(t, d, saying(line)) + "\n")
			}
			inputtest.Golden(t, strings.TrimSuffix(file, ".segments")+".golden", out.String(), *update)
		})
	}
}

func TestTextInGBKIsReadAsItWasMeant(t *testing.T) {
	utf := "QN=20160801085857223;CN=2011;MN=监测点;CP=&&DataTime=20160801085857;水温-Rtd=21.5,水温-Flag=N;i11001-Info=//清洗,管路//&&"
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(utf)
	require.NoError(t, err)
	require.NotEqual(t, utf, gbk)
	want := "1: hj212_code_rtd{asset=\"监测点\",code=\"水温\"} 21.5 @2016-08-01T00:58:57.000Z\nskipped: 1\n"
	require.Equal(t, want, inputtest.Spell(t, testDecoder(t), saying(utf)))
	require.Equal(t, want, inputtest.Spell(t, testDecoder(t), saying(gbk)))
}

func TestGatewaysMayPassOnWholeFrames(t *testing.T) {
	one := "QN=20160801085857223;ST=32;CN=2011;PW=1;MN=A;Flag=5;CP=&&DataTime=20160801085857;w01001-Rtd=7.1,w01001-Flag=N&&"
	stream := string(device.Frame(one)) + "junk" + strings.Replace(string(device.Frame(one)), "7.1", "7.2", 1) + string(device.Frame(one))[:40]
	require.Equal(t, `1: water_ph{asset="A"} 7.1 @2016-08-01T00:58:57.000Z
2: refused: syntax: bytes that are in no frame
3: refused: bad_checksum: the CRC is said to be `+crcOf(one)+`; it is `+crcOf(strings.Replace(one, "7.1", "7.2", 1))+`
4: refused: incomplete: the frame is not complete
`, inputtest.Spell(t, testDecoder(t), saying(stream)))
}

func crcOf(segment string) string {
	frame := device.Frame(segment)
	return string(frame[len(frame)-6 : len(frame)-2])
}

func TestALabelOfTheStationIsUsedInsteadOfTheCatalog(t *testing.T) {
	m := saying("CN=2011;MN=010000A8900016F000169DC0;CP=&&DataTime=20160801085857;w01001-Rtd=7&&")
	m.Labels = []input.Label{{Name: "asset", Value: "mine"}, {Name: "operator", Value: "east"}}
	require.Equal(t, "1: water_ph{asset=\"mine\",operator=\"east\"} 7 @2016-08-01T00:58:57.000Z\n", inputtest.Spell(t, testDecoder(t), m))
}

func TestEveryCodeOfTheTableHasNamesAndASource(t *testing.T) {
	table, err := NewTable(nil)
	require.NoError(t, err)
	require.Greater(t, len(table.All()), 280)
	units := map[string]string{}
	for _, p := range table.All() {
		require.NotEmpty(t, p.Name, p.Code)
		require.NotEmpty(t, p.NameZH, p.Code)
		require.Contains(t, p.Source, "HJ", p.Code)
		require.Regexp(t, `^[a-z][a-z0-9_]*$`, p.Metric, p.Code)
		found, ok := table.Find([]byte(strings.ToUpper(p.Code)))
		require.True(t, ok)
		require.Same(t, p, found, "no two codes differ in case only")
		// What two codes call the same is the same thing.
		if name, known := units[p.Metric]; known {
			require.Equal(t, name, p.Name, "%s: %s", p.Code, p.Metric)
		}
		units[p.Metric] = p.Name
	}
	for code, metric := range map[string]string{
		"w01018": "water_cod_mg_per_l", "011": "water_cod_mg_per_l", "w21003": "water_nh3_n_mg_per_l", "060": "water_nh3_n_mg_per_l",
		"w01001": "water_ph", "w01010": "water_temperature_celsius", "w21011": "water_total_phosphorus_mg_per_l",
		"w00000": "water_flow_l_per_second", "B01": "water_flow_l_per_second", "a21026": "air_so2_mg_per_m3", "02": "air_so2_mg_per_m3",
		"a21002": "air_nox_mg_per_m3", "a34004": "air_pm2_5_ug_per_m3", "a34002": "air_pm10_ug_per_m3", "a05024": "air_o3_ug_per_m3",
		"a21005": "air_co_mg_per_m3", "a01001": "air_temperature_celsius", "a01002": "air_humidity_percent", "a01006": "air_pressure_kpa",
		"a01007": "air_wind_speed_m_per_second", "a01008": "air_wind_direction_degrees", "a24088": "air_nmhc_mg_per_m3",
		"a05002": "air_ch4_mg_per_m3", "a21028": "air_h2s_mg_per_m3", "a21001": "air_nh3_mg_per_m3", "Leq": "noise_leq_db", "LA": "noise_la_db",
		"S01": "flue_o2_percent", "a19001": "flue_o2_percent", "w20111": "water_total_mercury_ug_per_l", "020": "water_total_mercury_mg_per_l",
	} {
		p, ok := table.Find([]byte(code))
		require.True(t, ok, code)
		require.Equal(t, metric, p.Metric, code)
	}
}

func TestTimesThatAreNoneAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "2016", "20160801", "201608010858", "2016080108585", "20160230000000", "20161301000000", "20160801240000",
		"20160801086000", "20160801085860", "2016080108585x", "99999999999999", "00000000000000", "201608010858572",
	} {
		_, ok := parseTime([]byte(text), shanghai())
		require.False(t, ok, text)
	}
	at, ok := parseTime([]byte("20160801085857223"), shanghai())
	require.True(t, ok)
	require.Equal(t, time.Date(2016, 8, 1, 0, 58, 57, 223e6, time.UTC).UnixMilli(), at)
}

func TestNumbersThatAreNoneAreRefused(t *testing.T) {
	for _, text := range []string{"", "-", "--", ".", "1,5", "0x10", "NaN", "Inf", "1_0", "1e999", "7.1mg/L", "1 2", "七", strings.Repeat("1", 41)} {
		_, ok := number([]byte(text))
		require.False(t, ok, text)
	}
	for text, want := range map[string]float64{"7.1": 7.1, "-0.5": -0.5, "+3": 3, "1e3": 1000, "007": 7, ".5": 0.5} {
		v, ok := number([]byte(text))
		require.True(t, ok, text)
		require.Equal(t, want, v)
	}
}

// FuzzDecoder holds the decoder against any bytes: whatever it makes of them can
// be stored.
func FuzzDecoder(f *testing.F) {
	files, err := filepath.Glob("testdata/*.segments")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		for line := range bytes.Lines(text) {
			f.Add(bytes.TrimSuffix(line, []byte("\n")))
		}
	}
	f.Add(device.Frame(checkVector))
	d := testDecoder(f)
	var w reading.Builder
	var b reading.Batch
	f.Fuzz(func(t *testing.T, body []byte) {
		b.Reset()
		w.Reset(&b)
		m := &input.Message{Body: bytes.Clone(body), Received: 1}
		w.Message(m.Body)
		d.Decode(m, &w)
		w.Done()
		require.Equal(t, body, m.Body, "the message stays as it was")
		for _, p := range b.Points {
			for _, field := range b.Fields[p.First : p.First+p.Count] {
				_, labels, err := reading.LabelSpeller{}.Spell(b.Bytes(p.Key), b.Bytes(field.Name), nil)
				require.NoError(t, err)
				require.NotEmpty(t, labels)
			}
		}
	})
}
