package reading_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/reading"
)

// spelled shows what a batch says, one reading a line.
func spelled(t *testing.T, b *reading.Batch) (lines []string) {
	t.Helper()
	for _, p := range b.Points {
		for _, f := range b.Fields[p.First : p.First+p.Count] {
			metric, labels, err := reading.LabelSpeller{}.Spell(b.Bytes(p.Key), b.Bytes(f.Name), nil)
			require.NoError(t, err)
			var pairs []string
			for _, l := range labels {
				pairs = append(pairs, fmt.Sprintf("%s=%q", l.Name, l.Value))
			}
			lines = append(lines, fmt.Sprintf("%d: %s{%s} %v @%d", p.Line, metric, strings.Join(pairs, ","), f.Value, p.Time))
		}
	}
	for _, r := range b.Refusals {
		lines = append(lines, fmt.Sprintf("%d: refused: %s: %s [%s]", r.Line, r.Reason, r.Detail, r.Raw))
	}
	return lines
}

func TestBuilderMakesWhatItsSpellerSpells(t *testing.T) {
	var w reading.Builder
	var b reading.Batch
	w.Reset(&b)
	require.EqualValues(t, 1, w.Message([]byte("first")))
	w.Common("district", "渝中")
	w.Common("asset", "of the topic")
	w.Begin(1000)
	w.Label("asset", "W1")
	w.Label("empty", "")
	w.Value("gas_ch4_lel_percent", 12.5)
	w.Value("well_level_m", 2)
	w.Value("gas_h2s_ppm", math.NaN())
	w.Part(3)
	w.Begin(2000)
	w.Value("well_level_m", 3)
	w.Begin(2000)
	w.Label("asset", "\xc4\xe3")
	w.Value("well_level_m", 3)
	require.EqualValues(t, 4, w.Message([]byte("second")), "lines go on behind the first message's third part")
	w.Value("before_begin", 1)
	w.Begin(5)
	w.Value("bare", 1)
	w.Refuse(reading.ReasonSyntax, "the rest is broken")
	w.Done()
	require.Equal(t, []string{
		`1: gas_ch4_lel_percent{asset="W1",district="渝中"} 12.5 @1000`,
		`1: well_level_m{asset="W1",district="渝中"} 2 @1000`,
		`3: well_level_m{district="渝中",asset="of the topic"} 3 @2000`,
		`4: bare{} 1 @5`,
		`1: refused: not_finite: gas_h2s_ppm is NaN; only finite numbers are stored [first]`,
		`3: refused: invalid_utf8: label asset is not valid UTF-8: "\xc4\xe3" [first]`,
		`4: refused: syntax: the rest is broken [second]`,
	}, spelled(t, &b))
	require.Equal(t, "first", string(b.Bytes(b.Points[0].Whole)))
	require.Equal(t, "second", string(b.Bytes(b.Points[2].Whole)))
}

func TestWhatSurroundsAMessageCanBeTakenBack(t *testing.T) {
	var w reading.Builder
	var b reading.Batch
	w.Reset(&b)
	w.Common("event", "up")
	w.Common("event_kind", "x")
	w.Uncommon("event")
	w.Uncommon("kind")
	w.Begin(1)
	w.Value("m", 1)
	w.Message(nil)
	w.Common("event", "up")
	w.Uncommon("event")
	w.Begin(2)
	w.Value("m", 2)
	w.Done()
	require.Equal(t, []string{`1: m{event_kind="x"} 1 @1`, `1: m{} 2 @2`}, spelled(t, &b))
}

func TestNamesThatAreNoneAreRefusedBySpelling(t *testing.T) {
	for _, c := range [][2]string{{"a b", "ok"}, {"", "ok"}, {"__name__", "ok"}, {"ok", "a-b"}, {"ok", "__x"}, {"ok", "9"}, {"ok", "名"}} {
		var w reading.Builder
		var b reading.Batch
		w.Reset(&b)
		w.Begin(0)
		w.Label(c[1], "v")
		w.Value(c[0], 1)
		w.Done()
		_, _, err := reading.LabelSpeller{}.Spell(b.Bytes(b.Points[0].Key), b.Bytes(b.Fields[0].Name), nil)
		require.Error(t, err, "%q", c)
	}
}

func TestAMessageOfThePrometheusFamilyMayHaveAnyNames(t *testing.T) {
	var w reading.Builder
	var b reading.Batch
	w.Reset(&b)
	w.Message(nil)
	w.AnyNames()
	w.Common("区域", "of the topic")
	w.Common("name", "of the topic")
	w.Begin(1)
	w.Label("区域", "渝中")
	w.Label("http.method", "GET")
	w.Label("__type__", "gauge")
	w.AnyValue("水位.well", 1)
	w.Begin(2)
	w.AnyValue("bare", 2)
	w.Begin(3)
	w.Label("a\xfeb", "c")
	w.AnyValue("aliased", 3)
	w.Message(nil)
	w.Begin(4)
	w.Label("plain", "x")
	w.Value("plain", 4)
	w.Done()
	require.Equal(t, []string{
		`1: 水位.well{区域="渝中",http.method="GET",__type__="gauge",name="of the topic"} 1 @1`,
		`1: bare{区域="of the topic",name="of the topic"} 2 @2`,
		`2: plain{plain="x"} 4 @4`,
		`1: refused: invalid_utf8: the name of a label is not valid UTF-8: "a\xfeb" []`,
	}, spelled(t, &b))
	for _, c := range [][2]string{{"", "ok"}, {"a\xff", "ok"}, {"ok", "__name__"}} {
		w.Reset(&b)
		b.Reset()
		w.Message(nil)
		w.AnyNames()
		w.Begin(0)
		w.Label(c[1], "v")
		w.AnyValue(c[0], 1)
		w.Done()
		_, _, err := reading.LabelSpeller{}.Spell(b.Bytes(b.Points[0].Key), b.Bytes(b.Fields[0].Name), nil)
		require.Error(t, err, "%q", c)
	}
}

func TestNamesOfDevicesBecomeNamesOfMetrics(t *testing.T) {
	for text, want := range map[string]string{
		"waterLevel": "water_level", "Water Level": "water_level", "water-level(m)": "water_level_m", "CH4": "ch4",
		"batteryV": "battery_v", "4G": "_4_g", "水位": "", "水位level": "level", "_x_": "x", "": "", "PM2.5": "pm2_5",
	} {
		require.Equal(t, want, reading.Name(text), text)
	}
}

func FuzzSpell(f *testing.F) {
	f.Add([]byte("a\xfeb\xff\xff"), []byte("m"))
	f.Add([]byte("\xff"), []byte("m"))
	f.Add([]byte("\xfea.b\xfec\xff\xffm.n"), []byte("m.n"))
	f.Add([]byte("\xfe"), []byte("m"))
	f.Add([]byte("a\xffb\xfe\xff"), []byte(""))
	f.Fuzz(func(_ *testing.T, key, field []byte) {
		_, _, _ = reading.LabelSpeller{}.Spell(key, field, nil)
	})
}
