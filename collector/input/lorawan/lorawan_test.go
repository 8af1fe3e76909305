package lorawan_test

import (
	"encoding/json"
	"flag"
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
	"github.com/belfry-city/belfry/collector/input/lorawan"
	"github.com/belfry-city/belfry/internal/config"
)

var update = flag.Bool("update", false, "write the golden files")

var received = time.Date(2026, 11, 23, 8, 0, 2, 0, time.UTC)

// city is a network server's decoder with a catalog.
type city struct {
	opts lorawan.Options
}

func newCity(t testing.TB, configuration, assets string) *city {
	t.Helper()
	c, err := config.Parse("belfry.yml", []byte(configuration))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "catalog.yml")
	require.NoError(t, os.WriteFile(file, []byte("assets:"+assets), 0o644))
	known, err := catalog.Load([]string{file})
	require.NoError(t, err)
	return &city{opts: lorawan.Options{
		Catalog: func() *catalog.Catalog { return known }, Metrics: metrics.NewSet(), Frames: lorawan.NewFrames(), Config: c.Inputs.LoRaWAN,
	}}
}

func (c *city) metrics() string {
	var out strings.Builder
	c.opts.Metrics.WritePrometheus(&out)
	return out.String()
}

const wells = `
  - {id: W17, domain: drainage, external: {dev_eui: 24-e1-24-13-6a-00-00-01}}
  - {id: P5, domain: parking, external: {devEui: 70B3D5FFFE000005}}
  - {id: W11, domain: drainage, external: {DevEUI: "24E124136A000011"}}
`

func message(body []byte) *input.Message {
	return &input.Message{Body: body, Received: received.UnixMilli()}
}

func TestEventsOfNetworkServers(t *testing.T) {
	for server, decoder := range map[string]func(lorawan.Options) input.Decoder{"chirpstack": lorawan.NewChirpStack, "tts": lorawan.NewTTS} {
		files, err := filepath.Glob("testdata/" + server + "/*.json")
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			t.Run(file, func(t *testing.T) {
				body, err := os.ReadFile(file)
				require.NoError(t, err)
				c := newCity(t, "", wells)
				got := inputtest.Spell(t, decoder(c.opts), message(body))
				inputtest.Golden(t, strings.TrimSuffix(file, ".json")+".golden", got, *update)
			})
		}
	}
}

// uplink is an event of ChirpStack with one decoded field.
func uplink(eui, address string, count int, at time.Duration, object string) []byte {
	return fmt.Appendf(nil, `{"time":%q,"deviceInfo":{"devEui":%q},"devAddr":%q,"fCnt":%d,"object":%s}`,
		received.Add(at).Format(time.RFC3339Nano), eui, address, count, object)
}

func TestTheTopicOrTheURLSaysWhichEventItIs(t *testing.T) {
	c := newCity(t, "", wells)
	d := lorawan.NewChirpStack(c.opts)
	body := []byte(`{"time":"2026-11-23T08:00:00Z","deviceInfo":{"devEui":"24e124136a000001"}}`)
	byTopic := message(body)
	byTopic.Topic = "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/24e124136a000001/event/status"
	require.Equal(t, "1: lorawan_margin_db{asset=\"W17\"} 0 @2026-11-23T08:00:00.000Z\n", inputtest.Spell(t, d, byTopic))
	byURL := message(body)
	byURL.Labels = []input.Label{{Name: "event", Value: "status"}, {Name: "street", Value: "east"}}
	require.Equal(t, "1: lorawan_margin_db{asset=\"W17\",street=\"east\"} 0 @2026-11-23T08:00:00.000Z\n", inputtest.Spell(t, d, byURL),
		"the parameter is no label of the series")
}

func TestWhatAnotherIntegrationMadeOfAnUplinkHasFieldsAndNoFrame(t *testing.T) {
	c := newCity(t, "", wells)
	d := lorawan.NewChirpStack(c.opts)
	require.Contains(t, inputtest.Spell(t, d, message(uplink("24e124136a000001", "a", 1000, 0, `{"depth":152}`))), "lorawan_uplinks_lost_total{asset=\"W17\"} 0 ")
	made := []byte(`{"time":"2026-11-23T08:00:00.5Z","deviceInfo":{"devEui":"24e124136a000001"},"integrationName":"loracloud","eventType":"up","object":{"water_level_m":2}}`)
	byURL, byTopic := message(made), message(made)
	byURL.Labels = []input.Label{{Name: "event", Value: "integration"}}
	byTopic.Topic = "application/a/device/24e124136a000001/event/integration"
	for _, m := range []*input.Message{byURL, byTopic, message(made)} {
		require.Equal(t, "1: well_level_m{asset=\"W17\"} 2 @2026-11-23T08:00:00.500Z\n", inputtest.Spell(t, d, m))
	}
	for count := range 2 {
		m := message(uplink("24e124136a000001", "a", 1001+count, time.Duration(count+1)*time.Second, "{}"))
		m.Received += int64(count) + 1
		require.Contains(t, inputtest.Spell(t, d, m), "lorawan_uplinks_lost_total{asset=\"W17\"} 0 ", "none is lost")
	}
}

func TestAnEventOfANameThatIsNotKnownIsNotGuessed(t *testing.T) {
	d := lorawan.NewChirpStack(newCity(t, "", wells).opts)
	body := uplink("24e124136a000001", "a", 1, 0, `{"depth":152}`)
	byURL, byTopic, anyTopic := message(body), message(body), message(body)
	byURL.Labels = []input.Label{{Name: "event", Value: "uplink"}}
	byTopic.Topic = "application/a/device/24e124136a000001/event/uplink"
	anyTopic.Topic = "city/east/W17"
	for _, m := range []*input.Message{byURL, byTopic} {
		require.Equal(t, "1: refused: unsupported: there is no event \"uplink\" in ChirpStack 4; known are up, join, ack, txack, log, status, location and integration\n", inputtest.Spell(t, d, m))
	}
	require.Contains(t, inputtest.Spell(t, d, anyTopic), "well_level_m", "a topic of one's own says nothing about the event")
}

func TestAnAssetIsFoundInTheCatalogThenAroundTheMessage(t *testing.T) {
	c := newCity(t, "", wells)
	known, unknown := uplink("24E124136A000001", "a", 1, 0, `{}`), uplink("24E124136A0000FF", "a", 1, 0, `{}`)
	for _, x := range []struct {
		body   []byte
		around string
		want   string
	}{
		{known, "", "W17"}, {known, "elsewhere", "W17"}, {unknown, "", "24e124136a0000ff"}, {unknown, "W99", "W99"},
		{unknown, "24E124136A0000FF", "24e124136a0000ff"}, // as in application/+/device/+asset/event/up
	} {
		m := message(x.body)
		m.Labels = []input.Label{{Name: "asset", Value: x.around}}
		c.opts.Frames = lorawan.NewFrames()
		require.Contains(t, inputtest.Spell(t, lorawan.NewChirpStack(c.opts), m), fmt.Sprintf("{asset=%q}", x.want))
	}
}

func TestRulesOfTheConfigurationComeFirst(t *testing.T) {
	c := newCity(t, `
inputs:
  lorawan:
    others: false
    fields:
      - {field: water_level, device: "24E124-*", metric: wrong}
      - {field: water_level, domain: drainage, metric: well_level_m, scale: -0.001, offset: 3.5}
      - {field: 井盖, metric: manhole_open, labels: {side: north}, values: {"开": 1, "关": 0, "true": 5}}
      - {field: "temp*", profile: "Own *", metric: well_temperature_celsius}
      - {field: data.secret, drop: true}
      - {field: battery, drop: true}
`, wells)
	d := lorawan.NewChirpStack(c.opts)
	body := func(object string) *input.Message {
		return message(fmt.Appendf(nil, `{"time":"2026-11-23T08:00:00Z","deviceInfo":{"devEui":"24e124136a000001","deviceProfileName":"own thing"},"object":%s}`, object))
	}
	require.Equal(t, strings.Join([]string{
		`1: well_temperature_celsius{asset="W17"} 21 @2026-11-23T08:00:00.000Z`,
		`1: well_level_m{asset="W17"} 2 @2026-11-23T08:00:00.000Z`,
		`1: manhole_open{asset="W17",side="north"} 1 @2026-11-23T08:00:00.000Z`,
		`1: lorawan_uplinks_lost_total{asset="W17"} 0 @2026-11-23T08:00:02.000Z`,
		"",
	}, "\n"), inputtest.Spell(t, d, body(`{"waterLevel": 1500, "井盖": "开", "tempC1": "21", "data": {"secret": 1}, "battery": 90, "other": 1}`)))
	require.Contains(t, inputtest.Spell(t, d, body(`{"井盖": true}`)), `manhole_open{asset="W17",side="north"} 5`)
}

func TestARepeatedUplinkGivesTheSameReadings(t *testing.T) {
	c := newCity(t, "", wells)
	d := lorawan.NewChirpStack(c.opts)
	body, err := os.ReadFile("testdata/chirpstack/up_nested.json")
	require.NoError(t, err)
	without := func(s string) string {
		kept := ""
		for line := range strings.Lines(s) {
			if !strings.Contains(line, "lorawan_uplinks_lost_total") {
				kept += line
			}
		}
		return kept
	}
	first := inputtest.Spell(t, d, message(body))
	later := message(body)
	later.Received += 60_000
	second := inputtest.Spell(t, d, later)
	require.Contains(t, first, "lorawan_uplinks_lost_total")
	require.NotContains(t, second, "lorawan_uplinks_lost_total")
	require.Equal(t, without(first), without(second))
}

func TestAProtobufIsRefusedWithWhatToDo(t *testing.T) {
	c := newCity(t, "", wells)
	got := inputtest.Spell(t, lorawan.NewChirpStack(c.opts), message([]byte("\n$3ac7e3c4-4401-4b8d-9386-a5c902f9202d\x12\x0c\x08")))
	require.Equal(t, "1: refused: unsupported: this is not JSON; set the integration's payload encoding to JSON instead of Protobuf\n", got)
}

func TestBrokenTextsAreRefusedAndTheRestIsTaken(t *testing.T) {
	good := string(uplink("24e124136a000001", "a", 7, 0, `{"x":1}`))
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(strings.Replace(good, `"object"`, `"深度":"三","object"`, 1))
	require.NoError(t, err)
	for body, want := range map[string]string{
		good[:40]:                          "1: refused: syntax: line 1, column 41: the JSON ends in the middle",
		good + "\n" + good[:50] + "\n":     "2: refused: syntax: line 2, column 51: the JSON ends in the middle",
		"\ufeff" + good:                    `lorawan_x{asset="W17"} 1 `,
		gbk:                                `lorawan_x{asset="W17"} 1 `,
		"[" + good + ",5]":                 "2: refused: bad_type: want an object, an event; got a number",
		strings.Repeat(`{"object":`, 1000): "1: refused: too_deep: ",
		"":                                 "1: refused: missing: the message is empty",
		strings.Replace(good, `"x":1`, `"x":1e999,"y":NaN,"z":2`, 1):          "not_finite: lorawan_x is +Inf",
		strings.Replace(good, `"x":1`, `"x":1,"x":2`, 1):                      `syntax: line 1, column 119: the name "x" is there twice, with two values (in /object/x)`,
		strings.Replace(good, `"x":1`, `"`+strings.Repeat("x", 300)+`":1`, 1): "skipped: 1",
		strings.Replace(good, `"x":1`, many(600), 1):                          "body_too_large: more than 500 decoded fields; the rest is not taken",
	} {
		c := newCity(t, "", wells)
		require.Contains(t, inputtest.Spell(t, lorawan.NewChirpStack(c.opts), message([]byte(body))), want, "%.80s", body)
	}
}

func many(n int) string {
	var fields []string
	for i := range n {
		fields = append(fields, fmt.Sprintf(`"f%d":%d`, i, i))
	}
	return strings.Join(fields, ",")
}

func TestEventsAndMissingCodecsAreCounted(t *testing.T) {
	c := newCity(t, "", wells)
	cs, tts := lorawan.NewChirpStack(c.opts), lorawan.NewTTS(c.opts)
	for server, d := range map[string]input.Decoder{"chirpstack": cs, "tts": tts} {
		files, err := filepath.Glob("testdata/" + server + "/[a-v]*.json")
		require.NoError(t, err)
		for _, file := range files {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			require.True(t, json.Valid(body) || strings.HasSuffix(file, "stored.json"))
			inputtest.Spell(t, d, message(body))
		}
	}
	for _, line := range []string{
		`belfry_lorawan_events_total{server="chirpstack",event="join"} 1`, `belfry_lorawan_events_total{server="chirpstack",event="status"} 2`,
		`belfry_lorawan_events_total{server="chirpstack",event="log"} 1`, `belfry_lorawan_events_total{server="tts",event="join"} 1`,
		`belfry_lorawan_events_total{server="tts",event="ack"} 1`, `belfry_lorawan_undecoded_total{server="chirpstack"} 1`,
		`belfry_lorawan_undecoded_total{server="tts"} 1`,
	} {
		require.Contains(t, c.metrics(), line+"\n")
	}
}

func FuzzChirpStack(f *testing.F) { fuzz(f, "chirpstack", lorawan.NewChirpStack) }

func FuzzTTS(f *testing.F) { fuzz(f, "tts", lorawan.NewTTS) }

func fuzz(f *testing.F, server string, decoder func(lorawan.Options) input.Decoder) {
	files, err := filepath.Glob("testdata/" + server + "/*.json")
	require.NoError(f, err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(body)
	}
	var twins []input.Decoder
	for range 2 {
		c := newCity(f, "inputs: {lorawan: {fields: [{field: \"*le*el\", metric: a, values: {OPEN: 1}}]}}", wells)
		twins = append(twins, decoder(c.opts))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		require.Equal(t, inputtest.Spell(t, twins[0], message(body)), inputtest.Spell(t, twins[1], message(body)), "the same messages say the same")
	})
}

func BenchmarkChirpStack(b *testing.B) {
	benchmark(b, "chirpstack/up_milesight_well.json", lorawan.NewChirpStack)
}

func BenchmarkTTS(b *testing.B) { benchmark(b, "tts/up_milesight.json", lorawan.NewTTS) }
