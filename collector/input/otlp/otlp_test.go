package otlp_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/value"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/otlp"
	"github.com/belfry-city/belfry/collector/reading"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// received is when all messages of these tests arrive.
const received = 1_700_000_000_000

func decoder(t testing.TB, change ...func(*otlp.Options)) *otlp.Decoder {
	t.Helper()
	o := otlp.Options{Late: 24 * time.Hour, Early: 10 * time.Minute, MaxBody: 4 << 20, MaxPoint: 64 << 10}
	for _, c := range change {
		c(&o)
	}
	d, err := otlp.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// decode returns what a request says, one sample a line, and why it could not
// be read.
func decode(t testing.TB, d *otlp.Decoder, e otlp.Encoding, body []byte) ([]string, error) {
	t.Helper()
	var w reading.Builder
	var b reading.Batch
	w.Reset(&b)
	w.Message(body)
	req := d.Request(e)
	req.Decode(&input.Message{Body: body, Received: received}, &w)
	w.Done()
	return spelled(t, &b), req.Err()
}

func spelled(t testing.TB, b *reading.Batch) (lines []string) {
	t.Helper()
	series := func(key, name reading.Span) string {
		metric, labels, err := reading.LabelSpeller{}.Spell(b.Bytes(key), b.Bytes(name), nil)
		require.NoError(t, err)
		var pairs []string
		for _, l := range labels {
			pairs = append(pairs, fmt.Sprintf("%s=%q", l.Name, l.Value))
		}
		sort.Strings(pairs)
		return fmt.Sprintf("%s{%s}", metric, strings.Join(pairs, ","))
	}
	at := func(ms int64) string {
		if ms == received {
			return ""
		}
		return fmt.Sprintf(" @%dms", ms-received)
	}
	for _, p := range b.Points {
		for _, f := range b.Fields[p.First : p.First+p.Count] {
			v := strconv.FormatFloat(f.Value, 'g', -1, 64)
			if value.IsStaleNaN(f.Value) {
				v = "stale"
			}
			lines = append(lines, fmt.Sprintf("%d: %s %s%s", p.Line, series(p.Key, f.Name), v, at(p.Time)))
		}
	}
	for _, h := range b.Histograms {
		lines = append(lines, fmt.Sprintf("%d: %s schema %d %s%s", h.Line, series(h.Key, h.Name), h.Integer.Schema, h.Integer, at(h.Time)))
	}
	for _, e := range b.Exemplars {
		lines = append(lines, fmt.Sprintf("%d: %s exemplar %v %s%s", e.Line, series(e.Key, e.Name), e.Exemplar.Value, e.Exemplar.Labels, at(e.Exemplar.Ts)))
	}
	for _, r := range b.Refusals {
		lines = append(lines, fmt.Sprintf("%d: refused: %s: %s", r.Line, r.Reason, r.Detail))
	}
	return lines
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return text
}

// protobuf translates a request from JSON.
func protobuf(t testing.TB, text []byte) []byte {
	t.Helper()
	req := pmetricotlp.NewExportRequest()
	require.NoError(t, req.UnmarshalJSON(text))
	body, err := req.MarshalProto()
	require.NoError(t, err)
	return body
}

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, lines []string) {
	t.Helper()
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(got), 0o644))
	}
	require.Equal(t, string(readFile(t, name)), got)
}

func TestRequestsBecomeTheSeriesOfTheirGoldenFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text := readFile(t, file)
			lines, err := decode(t, decoder(t), otlp.JSON, text)
			require.NoError(t, err)
			golden(t, strings.TrimSuffix(file, ".json")+".golden", lines)
			same, err := decode(t, decoder(t), otlp.Protobuf, protobuf(t, text))
			require.NoError(t, err)
			require.Equal(t, lines, same, "in protobuf it is the same")
		})
	}
}

func TestSettingsDecideOverNamesAndLabels(t *testing.T) {
	text := readFile(t, "testdata/types.json")
	for name, change := range map[string]func(*otlp.Options){
		"escaping_without_suffixes": func(o *otlp.Options) { o.Translation = otlp.EscapingWithoutSuffixes },
		"utf8_with_suffixes":        func(o *otlp.Options) { o.Translation = otlp.UTF8WithSuffixes },
		"no_translation":            func(o *otlp.Options) { o.Translation = otlp.UTF8WithoutSuffixes },
		"promote":                   func(o *otlp.Options) { o.Promote = []string{"service.version", "missing"} },
		"promote_all":               func(o *otlp.Options) { o.PromoteAll, o.Ignore = true, []string{"service.version"} },
		"keep_identifying":          func(o *otlp.Options) { o.KeepIdentifying = true },
		"promote_scope":             func(o *otlp.Options) { o.PromoteScope = true },
		"custom_buckets":            func(o *otlp.Options) { o.CustomBuckets = true },
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := decode(t, decoder(t, change), otlp.JSON, text)
			require.NoError(t, err)
			golden(t, "testdata/settings_"+name+".golden", lines)
		})
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	_, err := otlp.New(otlp.Options{Translation: "Nonsense"})
	require.ErrorContains(t, err, `no translation is called "Nonsense"`)
	_, err = otlp.New(otlp.Options{})
	require.ErrorContains(t, err, "required")
}
