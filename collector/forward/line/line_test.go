package line_test

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/forward/line"
	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
)

func key(t *testing.T, e line.Encoder, pairs ...string) string {
	t.Helper()
	k, ok := e.AppendKey(nil, labels.FromStrings(pairs...))
	require.True(t, ok)
	return string(k)
}

func TestNamesAreDividedSoThatTheTargetPutsTheSameTogether(t *testing.T) {
	vm := line.Encoder{Names: line.NamesSplit, Dialect: line.VictoriaMetrics}
	influx := line.Encoder{Names: line.NamesSplit, Dialect: line.InfluxDB}
	for _, c := range []struct{ name, vm, influx string }{
		{"gas_ch4_lel_percent", "gas_ch4_lel,asset=w1 percent=", "gas_ch4_lel,asset=w1 percent="},
		{"up", ",asset=w1 up=", "up,asset=w1 value="},
		{"ALERTS", ",asset=w1 ALERTS=", "ALERTS,asset=w1 value="},
		{"sensor_value", ",asset=w1 sensor_value=", "sensor_value,asset=w1 value="},
		{"a_sensor_value", "a,asset=w1 sensor_value=", "a,asset=w1 sensor_value="},
		{"_hidden", ",asset=w1 _hidden=", "_hidden,asset=w1 value="},
		{"open_", ",asset=w1 open_=", "open_,asset=w1 value="},
		{"水位_米", "水位,asset=w1 米=", "水位,asset=w1 米="},
		{"a=b c_d,e", `a=b\ c,asset=w1 d\,e=`, `a=b\ c,asset=w1 d\,e=`},
	} {
		require.Equal(t, c.vm, key(t, vm, "__name__", c.name, "asset", "w1"))
		require.Equal(t, c.influx, key(t, influx, "__name__", c.name, "asset", "w1"))
	}
	require.Equal(t, "gas_ch4,asset=w1 value=", key(t, line.Encoder{Names: line.NamesValue, Dialect: line.InfluxDB}, "__name__", "gas_ch4", "asset", "w1"))
	require.Equal(t, ",asset=w1 gas_ch4=", key(t, line.Encoder{Names: line.NamesBare, Dialect: line.VictoriaMetrics}, "__name__", "gas_ch4", "asset", "w1"))
}

func TestWhatLineProtocolCannotCarryIsNamedNotMangled(t *testing.T) {
	influx := line.Encoder{Names: line.NamesSplit, Dialect: line.InfluxDB}
	vm := line.Encoder{Names: line.NamesSplit, Dialect: line.VictoriaMetrics}
	for _, c := range []struct {
		pairs      []string
		influx, vm bool
	}{
		{[]string{"asset", "w1"}, false, false},
		{[]string{"__name__", "a_b", "note", "two\nlines"}, false, false},
		{[]string{"__name__", "a_b", "path", `C:\`}, false, true},
		{[]string{"__name__", "#a_b"}, false, true},
		{[]string{"__name__", "a_b", "path", `C:\x`}, true, true},
		{[]string{"__name__", `"`}, true, false},
	} {
		_, ok := influx.AppendKey(nil, labels.FromStrings(c.pairs...))
		require.Equal(t, c.influx, ok, "%q", c.pairs)
		_, ok = vm.AppendKey(nil, labels.FromStrings(c.pairs...))
		require.Equal(t, c.vm, ok, "%q", c.pairs)
	}
	for name, fits := range map[string]bool{`a"b`: false, `x_a"b`: false, `a"b_percent`: true} {
		quoted := labels.FromStrings("__name__", name)
		_, ok := vm.AppendKey(nil, quoted)
		require.Equal(t, fits, ok, name)
		key, ok := line.Encoder{Names: line.NamesValue, Dialect: line.VictoriaMetrics}.AppendKey(nil, quoted)
		require.True(t, ok)
		require.Equal(t, name+" value=", string(key))
	}
	require.False(t, vm.Carries(math.NaN()))
	require.True(t, vm.Carries(math.Inf(-1)))
	require.False(t, influx.Carries(math.Inf(1)))
	require.True(t, influx.Carries(1))
}

func TestNumbersAreWrittenAsShortAsTheyReadBack(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", -17: "-17", 0.1: "0.1", 1e6: "1000000", 1e15: "1000000000000000", 1 << 53: "9.007199254740992e+15",
		1e300: "1e+300", 5e-324: "5e-324", 0.30000000000000004: "0.30000000000000004",
	} {
		require.Equal(t, "k="+want+" 1732350000123\n", string(line.AppendSample(nil, "k=", v, 1732350000123)))
	}
	require.Equal(t, "k=-0 -1\n", string(line.AppendSample(nil, "k=", math.Copysign(0, -1), -1)))
}

// FuzzRoundTrip reads every series and value back with Belfry's own parser,
// which is checked against InfluxDB's.
func FuzzRoundTrip(f *testing.F) {
	f.Add("gas_ch4_lel_percent", "asset", "YZ-W 0017", 12.5, int64(1732350000123))
	f.Add("up", "städtisch", `a\,b=c\=d`, math.Copysign(0, -1), int64(-5))
	f.Add("a,b c=d_e f", "k=,\\x ", `\ \\ "`, 1e21, int64(1))
	f.Add("x_value", "l", "value", 5e-324, int64(0))
	f.Fuzz(func(t *testing.T, name, label, value string, v float64, at int64) {
		if label == "__name__" || label == "" || value == "" ||
			!utf8.ValidString(name) || !utf8.ValidString(label) || !utf8.ValidString(value) || math.IsNaN(v) || math.IsInf(v, 0) {
			return
		}
		if strings.ContainsFunc(name+label+value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return // Belfry's parser takes none of them
		}
		want := labels.FromStrings("__name__", name, label, value)
		k, ok := line.Encoder{Names: line.NamesSplit, Dialect: line.InfluxDB}.AppendKey(nil, want)
		if !ok {
			require.True(t, name == "" || name[0] == '#' || strings.Contains(name+label+value, `\`))
			return
		}
		raw := line.AppendSample(nil, string(k), v, at)
		var p lineproto.Parser
		var b reading.Batch
		p.Parse(&b, raw, 1, lineproto.Options{Precision: time.Millisecond})
		require.Empty(t, b.Refusals, "%q", raw)
		require.Len(t, b.Fields, 1)
		require.Equal(t, math.Float64bits(v), math.Float64bits(b.Fields[0].Value))
		require.Equal(t, at, b.Points[0].Time)
		metric, found, err := lineproto.Speller{}.Spell(b.Bytes(b.Points[0].Key), b.Bytes(b.Fields[0].Name), nil)
		require.NoError(t, err)
		got := []string{"__name__", string(metric)}
		for _, l := range found {
			got = append(got, string(l.Name), string(l.Value))
		}
		require.Equal(t, want, labels.FromStrings(got...))
	})
}
