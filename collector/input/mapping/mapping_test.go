package mapping_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/inputtest"
	"github.com/belfry-city/belfry/collector/input/mapping"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/config/strict"
)

var received = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// options read the first mapping of a list, which is indented as below
// inputs.json.
func options(t testing.TB, mappings string) mapping.Options {
	t.Helper()
	c, err := config.Parse("belfry.yml", []byte("timezone: Asia/Shanghai\ninputs:\n  json:\n"+mappings))
	require.NoError(t, err)
	return mapping.Options{Mapping: c.Inputs.JSON[0], Timezone: c.Timezone, Metrics: metrics.NewSet()}
}

func decoder(t testing.TB, mappings string) *mapping.Decoder {
	t.Helper()
	d, err := mapping.New(options(t, mappings))
	require.NoError(t, err)
	return d
}

func message(body string) *input.Message {
	return &input.Message{Body: []byte(body), Received: received.UnixMilli()}
}

const pump = `
  - name: pump
    asset: deviceId
    time: ts
    metrics:
      pump_speed_rpm: data.rpm
      well_level_m: data.level / 100
      pump_running: state == "RUN"
`

func TestTenLinesTakeANewVendor(t *testing.T) {
	d := decoder(t, pump)
	require.Equal(t, strings.Join([]string{
		`1: pump_speed_rpm{asset="P-7"} 1450 @2026-11-23T08:00:00.000Z`,
		`1: well_level_m{asset="P-7"} 1.525 @2026-11-23T08:00:00.000Z`,
		`1: pump_running{asset="P-7"} 1 @2026-11-23T08:00:00.000Z`, "",
	}, "\n"), inputtest.Spell(t, d, message(`{"deviceId": "P-7", "ts": "2026-11-23 16:00:00", "state": "RUN", "data": {"rpm": "1450", "level": 152.5}}`)))
}

// one decodes a message with a mapping of one metric m.
func one(t *testing.T, expression, body string) string {
	t.Helper()
	d := decoder(t, fmt.Sprintf("\n  - {name: x, asset: '\"A\"', metrics: {m: %q}}\n", expression))
	got := inputtest.Spell(t, d, message(body))
	return strings.TrimSuffix(strings.NewReplacer("1: m{asset=\"A\"} ", "", " @2026-11-23T08:00:00.000Z", "", "1: refused: ", "").Replace(got), "\n")
}

func TestValuesOfExpressions(t *testing.T) {
	for _, c := range []struct{ expression, body, want string }{
		{"level", `{"level": 1.5}`, "1.5"},
		{"level", `{"level": "1.5"}`, "1.5"},
		{"level", `{"level": true}`, "1"},
		{"level / 4", `{"level": 6}`, "1.5"},
		{"level * 2 + offset", `{"level": 6, "offset": 0.5}`, "12.5"},
		{"number(level)", `{"level": "1,234.5 mm"}`, "1234.5"},
		{"number(level) / 10", `{"level": "85%"}`, "8.5"},
		{"number(level, -1)", `{"level": "n/a"}`, "-1"},
		{"number(level)", `{"level": "n/a"}`, `bad_type: metrics.m: number(level): "n/a" is no number at column 1`},
		{"scale(mA, 4, 20, 0, 5)", `{"mA": 12}`, "2.5"},
		{"scale(mA, 4, 4, 0, 5)", `{"mA": 12}`, "bad_type: metrics.m: scale(mA, 4, 4, 0, 5): scale: want a range that is not empty to scale from at column 1"},
		{"hex(raw)", `{"raw": "0x1F"}`, "31"},
		{"hex(raw)", `{"raw": "zz"}`, `bad_type: metrics.m: hex(raw): hex: "zz" is no hexadecimal number of at most 63 bits at column 1`},
		{"bit(flags, 3)", `{"flags": 8}`, "1"},
		{"bit(flags, 99)", `{"flags": 8}`, "bad_type: metrics.m: bit(flags, 99): bit: 99 is no place from 0 to 62 at column 1"},
		{`{"OPEN": 1, "CLOSED": 0}[state]`, `{"state": "CLOSED"}`, "0"},
		{`lower(state) == "open" ? 1 : 0`, `{"state": "Open"}`, "1"},
		{"水位 / 100", `{"水位": 150}`, "1.5"},
		{`$message["water level"]`, `{"water level": 3}`, "3"},
		{"values[0] + values[-1]", `{"values": [1, 2, 3]}`, "4"},
		{"len(values)", `{"values": [1, 2, 3]}`, "3"},
		{"max(values)", `{"values": [1, 5, 3]}`, "5"},
		{"sum(values, .v)", `{"values": [{"v": 1}, {"v": 2.5}]}`, "3.5"},
		{`find(sensors, .code == "CH4").value`, `{"sensors": [{"code": "H2S", "value": 1}, {"code": "CH4", "value": 12}]}`, "12"},
		{"let x = a + 1; x * 2", `{"a": 3}`, "8"},
		{"type == 1 ? count : max", `{"type": 1, "count": 7, "max": 9}`, "7"}, // names that are functions too
		{"time", `{"time": 5}`, "5"},
		{"number", `{"number": 5}`, "5"},
		{"time(at)", `{"at": "2026-11-23 16:00:00"}`, "1.7954208e+09"},
		{`time(at, "DD.MM.YYYY HH:mm", "UTC")`, `{"at": "23.11.2026 08:00"}`, "1.7954208e+09"},
		{"$received", `{}`, "1.7954208e+09"},
		{"5", `{}`, "5"},
		{"v / 100", `{"v": "152.5"}`, "1.525"},
		{"-v % 7", `{"v": "10"}`, "-3"},
		{"v + 1", `{"v": " 2.5"}`, "3.5"},
		{"v + w", `{"v": "2.5", "w": "1"}`, "3.5"},
		{"v + w", `{"v": "2.5", "w": 1}`, "3.5"},
		{"v > 3 ? w : 0", `{"v": "10", "w": "1"}`, "1"},
		{"sum(l, # * 2)", `{"l": ["1", 2]}`, "6"},
		{`int(v + w)`, `{"v": "2", "w": "1"}`, "3"},
		{`{"ab": 7}[v + w]`, `{"v": "a", "w": "b"}`, "7"},
		{"v == nil ? 7 : v", `{}`, "7"},
		{"v ?? 7", `{}`, "7"},
		{`(v ?? "off") == "on"`, `{}`, "0"},
		{"v?.w ?? 3", `{}`, "3"},
		{"$message", "12.5", "12.5"},
		{"$message", `"12.5"`, "12.5"},
		{"v", `{"v": NaN}`, "not_finite: m is NaN; only finite numbers are stored"},
		{"v", `{"v": "NaN"}`, "not_finite: m is NaN; only finite numbers are stored"},
		{"v", `{"v": 1e999}`, "not_finite: m is +Inf; only finite numbers are stored"},
		{"1 / v", `{"v": 0}`, "not_finite: m is +Inf; only finite numbers are stored"},
		{"v", `{"v": "OPEN"}`, `bad_type: metrics.m: v: want a number; got "OPEN"`},
		{"v", `{"v": [1]}`, "bad_type: metrics.m: v: want a number; got a list"},
		{"v / 2", `{"v": "x"}`, "bad_type: metrics.m: v / 2: invalid operation: string / int at column 3"},
	} {
		require.Equal(t, c.want, one(t, c.expression, c.body), "%s of %s", c.expression, c.body)
	}
}

func TestWhatTheMessageDoesNotHaveIsNoReading(t *testing.T) {
	for _, expression := range []string{
		"v", "v / 100", "v.w", "v.w.x", "v[0]", "v[\"a\"]", "-v", "!v", "v ? 1 : 0", "v > 5 ? 1 : 0", "number(v)", "scale(v, 4, 20, 0, 5)", "hex(v)", "bit(v, 1)",
		"sum(v)", "max(v)", "len(v)", "filter(v, # > 1)", "map(v, .x)", "lower(v)", "find(list, # > 5)", "list[7]", `{"A": 1}[v]`, "v * w", "int(v)", "float(v)",
		"time(v)", "empty", `v matches "a"`, `v == "a"`, `v != 1 ? 1 : 0`, `o.v == "a"`, `v in ["a"]`, `v contains "a" ? 1 : 0`, `"a" in v`, `v == w`, `split(v, ",")[0]`, "v + 1", "v ** 2", "v % 2", "abs(v)", "round(v)", "reduce(v, #acc + #)", "first(v)", "mean(v)",
	} {
		require.Equal(t, "missing: there is nothing in it for any of the mapping's metrics", one(t, expression, `{"list": [1, 2], "empty": "", "o": {}}`), expression)
	}
}

func TestWhatIsMissingIsSkippedAndCounted(t *testing.T) {
	o := options(t, pump)
	d, err := mapping.New(o)
	require.NoError(t, err)
	require.Equal(t, strings.Join([]string{
		`1: pump_speed_rpm{asset="P-7"} 3 @2026-11-23T08:00:00.000Z`,
		"2: refused: missing: there is nothing in it for any of the mapping's metrics", "",
	}, "\n"), inputtest.Spell(t, d, message(`[{"deviceId": "P-7", "data": {"rpm": 3}}, {"deviceId": 8}]`)))
	var text strings.Builder
	o.Metrics.WritePrometheus(&text)
	require.Equal(t, strings.Join([]string{
		`belfry_json_filtered_total{mapping="pump"} 0`,
		`belfry_json_missing_total{mapping="pump",metric="pump_running"} 2`,
		`belfry_json_missing_total{mapping="pump",metric="pump_speed_rpm"} 1`,
		`belfry_json_missing_total{mapping="pump",metric="well_level_m"} 2`,
		`belfry_json_undated_total{mapping="pump"} 2`, "",
	}, "\n"), text.String())
}

func TestReadingsInListsKnowWhatIsAroundThem(t *testing.T) {
	d := decoder(t, `
  - name: station
    each: [stations, sensors]
    when: type != "spare"
    asset: site + "/" + string(id)
    labels: {index: $index, street: $labels.street, unit: unit, topic: $topic}
    metrics: {m: value, n: $item.value * factor}
`)
	m := message(`{"unit": "mm", "factor": 2, "stations": [
		{"site": "A", "sensors": [{"id": 1, "value": 1}, {"id": 2, "value": 2, "unit": "cm"}, {"id": 9, "type": "spare"}]},
		{"site": "B", "factor": 10, "sensors": [{"id": 1234567, "value": 3}]},
		{"site": "C", "sensors": []}]}`)
	m.Topic = "city/east"
	m.Labels = []input.Label{{Name: "street", Value: "east"}}
	require.Equal(t, strings.Join([]string{
		`1: m{asset="A/1",index="0",street="east",topic="city/east",unit="mm"} 1 @2026-11-23T08:00:00.000Z`,
		`1: n{asset="A/1",index="0",street="east",topic="city/east",unit="mm"} 2 @2026-11-23T08:00:00.000Z`,
		`1: m{asset="A/2",index="1",street="east",topic="city/east",unit="cm"} 2 @2026-11-23T08:00:00.000Z`,
		`1: n{asset="A/2",index="1",street="east",topic="city/east",unit="cm"} 4 @2026-11-23T08:00:00.000Z`,
		`1: m{asset="B/1234567",index="0",street="east",topic="city/east",unit="mm"} 3 @2026-11-23T08:00:00.000Z`,
		`1: n{asset="B/1234567",index="0",street="east",topic="city/east",unit="mm"} 30 @2026-11-23T08:00:00.000Z`, "",
	}, "\n"), inputtest.Spell(t, d, m))
}

func TestAnObjectIsAListOfItsValues(t *testing.T) {
	d := decoder(t, "\n  - {name: x, each: wells, asset: $key, metrics: {well_level_m: $item}}\n")
	require.Equal(t, strings.Join([]string{
		`1: well_level_m{asset="W1"} 1 @2026-11-23T08:00:00.000Z`,
		`1: well_level_m{asset="W2"} 2 @2026-11-23T08:00:00.000Z`, "",
	}, "\n"), inputtest.Spell(t, d, message(`{"wells": {"W2": 2, "W1": 1}}`)))
	require.Equal(t, "1: refused: missing: each: there is no wells\n", inputtest.Spell(t, d, message(`{}`)))
	require.Equal(t, "1: refused: bad_type: each: wells: want a list or an object; got a number\n", inputtest.Spell(t, d, message(`{"wells": 1}`)))
}

func TestTheAssetComesFromTheMappingOrFromAroundTheMessage(t *testing.T) {
	around := decoder(t, "\n  - {name: x, metrics: {m: v}}\n")
	m := message(`{"v": 1}`)
	m.Labels = []input.Label{{Name: "asset", Value: "W1"}}
	require.Equal(t, "1: m{asset=\"W1\"} 1 @2026-11-23T08:00:00.000Z\n", inputtest.Spell(t, around, m))
	require.Contains(t, inputtest.Spell(t, around, message(`{"v": 1}`)), "1: refused: missing: asset: neither the mapping nor the URL")

	said := decoder(t, "\n  - {name: x, asset: id, metrics: {m: v}}\n")
	for body, want := range map[string]string{
		`{"v": 1, "id": 89860012345678901234}`:      `1: m{asset="89860012345678901234"} 1`,
		`{"v": 1, "id": 1234567}`:                   `1: m{asset="1234567"} 1`,
		`{"v": 1, "id": " W2 "}`:                    `1: m{asset="W2"} 1`,
		`{"v": 1, "id": ""}`:                        "1: refused: missing: asset: there is no id",
		`{"v": 1, "id": null}`:                      "1: refused: missing: asset: there is no id",
		`{"v": 1, "id": "` + many("x", 2000) + `"}`: "1: refused: too_long: asset: id: want at most 1024 bytes; got 2000",
		`{"v": 1, "id": [1]}`:                       "1: refused: bad_type: asset: id: want text or a number; got a list",
	} {
		m := message(body)
		m.Labels = []input.Label{{Name: "asset", Value: "not this"}}
		require.Contains(t, inputtest.Spell(t, said, m), want, body)
	}
}

func TestTheCatalogKnowsAssetsByOtherNumbers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.yml")
	require.NoError(t, os.WriteFile(file, []byte("assets: [{id: W17, external: {sn: \"0042\"}}]"), 0o644))
	assets, err := catalog.Load([]string{file})
	require.NoError(t, err)
	o := options(t, "\n  - {name: x, asset: 'external(\"sn\", sn) ?? sn', metrics: {m: 1}}\n")
	o.Catalog = func() *catalog.Catalog { return assets }
	d, err := mapping.New(o)
	require.NoError(t, err)
	require.Contains(t, inputtest.Spell(t, d, message(`{"sn": "0042"}`)), `m{asset="W17"} 1`)
	require.Contains(t, inputtest.Spell(t, d, message(`{"sn": "0043"}`)), `m{asset="0043"} 1`)
}

func TestTimesAreReadAsDevicesWriteThem(t *testing.T) {
	const at = "@2026-11-23T08:00:00."
	for written, want := range map[string]string{
		`"2026-11-23T08:00:00Z"`: at + "000Z", `"2026-11-23T16:00:00.25+08:00"`: at + "250Z", `"2026-11-23 16:00:00"`: at + "000Z",
		`"2026-11-23 16:00:00.125"`: at + "125Z", `"2026/11/23 16:00:00"`: at + "000Z", `"20261123160000"`: at + "000Z",
		`"2026年11月23日 16:00:00"`: at + "000Z", `1795420800`: at + "000Z", `1795420800.5`: at + "500Z", `1795420800123`: at + "123Z",
		`1795420800123456`: at + "123Z", `1795420800123456789`: at + "123Z", `"1795420800123"`: at + "123Z", `null`: at + "000Z", `""`: at + "000Z",
		`"yesterday"`: `refused: bad_timestamp: time: "yesterday" is no time that is known here`, `true`: "refused: bad_timestamp: time: true is no time",
		`"NaN"`: "refused: bad_timestamp: time: NaN is no time", `1e300`: "refused: bad_timestamp: time: 1e+300 is no time", `[1]`: "refused: bad_timestamp: time: a list is no time",
		`"2026-02-30 00:00:00"`: "refused: bad_timestamp",
	} {
		d := decoder(t, "\n  - {name: x, asset: '\"A\"', time: t, metrics: {m: 1}}\n")
		require.Contains(t, inputtest.Spell(t, d, message(`{"t": `+written+`}`)), want, written)
	}
	for _, layout := range []string{"DD.MM.YYYY HH:mm:ss", "02.01.2006 15:04:05"} {
		d := decoder(t, fmt.Sprintf("\n  - {name: x, asset: '\"A\"', time: t, layout: %q, timezone: UTC, metrics: {m: 1}}\n", layout))
		require.Contains(t, inputtest.Spell(t, d, message(`{"t": "23.11.2026 08:00:00"}`)), at+"000Z")
	}
}

func TestWrongExpressionsAreFoundWhenTheyAreLoaded(t *testing.T) {
	for expression, want := range map[string]string{
		"level /":                     `want an expression; got "level /": unexpected token EOF at column 7`,
		"lvl(5)":                      `unknown function "lvl"; the documentation`,
		"nubmer(5)":                   `unknown function "nubmer"; did you mean "number"?`,
		"now()":                       `unknown function "now"; it is switched off here`,
		"$mesage.x":                   `want an expression; got "$mesage.x": unknown name $mesage; known here: $message, $item`,
		"$env.x":                      "unknown name $env",
		`"a" * 2`:                     `invalid operation: * (mismatched types string and int) at column 5`,
		"a ? b":                       "unexpected token EOF",
		"1 +\n\n* 2":                  "at line 3, column 1 of the expression",
		`x matches "("`:               "error parsing regexp",
		"filter(x, # > 1":             "unexpected token EOF",
		"[" + many("1,", 3000) + "1]": "exceeds maximum allowed nodes",
	} {
		o := options(t, fmt.Sprintf("\n  - name: x\n    metrics:\n      ok: 1\n      m: %q\n", expression))
		_, err := mapping.New(o)
		var problems strict.Problems
		require.True(t, errors.As(err, &problems), expression)
		require.Len(t, problems, 1)
		require.Contains(t, problems[0].String(), "belfry.yml:8: inputs.json[0].metrics.m: ")
		require.Contains(t, problems[0].Text, want, expression)
	}
}

func many(s string, n int) string { return strings.Repeat(s, n) }

func TestLoopsOverHugeListsEnd(t *testing.T) {
	body := `{"list": [` + many("1,", 100_000) + `1]}`
	for _, expression := range []string{
		"count(list, any(list, # == 2))", "sum(list, sum(list, #))", "reduce(list, concat(#acc, [#]), [])", "sum(map(1..100000, sum(list)))",
		"len(filter(list, len(sort(list)) > 1))",
	} {
		got := one(t, expression, body)
		require.True(t, strings.Contains(got, "the expressions take too long for a message of this size") || strings.Contains(got, "memory budget exceeded"), "%s: %.300s", expression, got)
	}
	require.Equal(t, "100001", one(t, "sum(list)", body))
	require.Equal(t, "100001", one(t, "count(list, # == 1)", body))
}

func TestBrokenTextsAreRefusedAndTheRestIsTaken(t *testing.T) {
	d := decoder(t, "\n  - {name: x, asset: '\"A\"', labels: {name: 名称}, metrics: {m: v}}\n")
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(`{"v": 1, "名称": "较场口"}`)
	require.NoError(t, err)
	for body, want := range map[string]string{
		`{"v": 1`:                          "1: refused: syntax: line 1, column 8: the JSON ends in the middle",
		`{"v": 1} x`:                       "1: m{asset=\"A\"} 1 @2026-11-23T08:00:00.000Z\n2: refused: syntax: line 1, column 10: no JSON: ",
		"{\"v\": 1}\n{\"v\": \n{\"v\": 3}": "3: m{asset=\"A\"} 3 @2026-11-23T08:00:00.000Z\n2: refused: syntax: line 2",
		"\ufeff{\"v\": 1}\x00":             `1: m{asset="A"} 1 `,
		gbk:                                `1: m{asset="A",name="较场口"} 1 `,
		"":                                 "1: refused: missing: the message is empty",
		many("[", 1000):                    "1: refused: too_deep: ",
		`{"v": ` + many(`{"v":`, 1000):     "1: refused: too_deep: ",
		`{"v": 1, "v": 2}`:                 `1: refused: syntax: line 1, column 16: the name "v" is there twice, with two values (in /v)`,
		"[[1]]":                            "1: refused: missing: there is nothing in it for any of the mapping's metrics",
		"null":                             "1: refused: missing: there is nothing in it for any of the mapping's metrics",
	} {
		require.Contains(t, inputtest.Spell(t, d, message(body)), want, "%.40q", body)
	}
}

func TestADecoderSaysWhatItLeavesOut(t *testing.T) {
	var notes []string
	traced := decoder(t, pump+"    when: data != nil\n").Trace(func(n input.Note) {
		notes = append(notes, fmt.Sprintf("%d %s %s %s", n.Part, n.Why, n.Field, n.Detail))
	})
	inputtest.Spell(t, traced, message(`[{"deviceId": 1, "data": {"rpm": 1}, "ts": 1795420800}, {"deviceId": 2}]`))
	require.Equal(t, []string{"1 missing well_level_m data.level / 100", "1 missing pump_running state == \"RUN\"", "2 filtered when data != nil"}, notes)
}

func FuzzMapping(f *testing.F) {
	f.Add([]byte(`{"deviceId": "P-7", "ts": "2026-11-23 16:00:00", "list": [{"id": 1, "v": "1.5"}, {"v": [1]}, 7], "o": {"a": 1}}`))
	f.Add([]byte(`{"list": {"a": {"t": 1e300, "v": {"w": null}}, "b": {"t": "x"}}}`))
	f.Add([]byte("[1, null]\n{\"list\": []}\nNaN"))
	d := decoder(f, `
  - name: x
    each: list ?? [$message]
    when: skip != true
    asset: id ?? deviceId ?? $key ?? "none"
    time: t ?? ts
    labels: {l: name, i: $index, k: string(v)}
    metrics:
      a: v
      b: number(v, 0) + hex(w)
      c: scale(v, 4, 20, 0, 5)
      d: sum(values) + max(values) + len(o)
      e: filter(values, .x > 1)[0].y
      f: "{\"OPEN\": 1, \"CLOSED\": 0}[state]"
      g: bit(flags, 3)
      h: time(at)
      i: split(name, ",")[1] matches "a.*b"
      j: o.a.b.c + o["a"]
`)
	f.Fuzz(func(t *testing.T, body []byte) {
		m := &input.Message{Body: body, Received: received.UnixMilli(), Labels: []input.Label{{Name: "asset", Value: "x"}}}
		require.Equal(t, inputtest.Spell(t, d, m), inputtest.Spell(t, d, m), "the same message says the same")
	})
}
