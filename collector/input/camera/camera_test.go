package camera_test

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/camera"
	"github.com/belfry-city/belfry/collector/input/camera/presence"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/internal/config"
)

var update = flag.Bool("update", false, "write what is decoded into the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const received = 1_777_900_000_000 // 2026-05-04T13:06:40Z

// builtin is read once, because fuzzing asks for it thousands of times.
var builtin = sync.OnceValues(func() (*camera.Kinds, error) { return camera.NewKinds(nil, nil) })

// city is the decoders of one Belfry.
type city struct {
	decoders map[string]input.Decoder
	set      *metrics.Set
}

func newCity(t testing.TB, change ...func(*camera.Options)) city {
	t.Helper()
	c := city{set: metrics.NewSet()}
	kinds, err := builtin()
	require.NoError(t, err)
	o := camera.Options{
		Config: config.Default().Inputs.Camera, Kinds: kinds, MaxPicture: 1 << 20,
		Catalog: catalog.Empty, Zone: time.FixedZone("CST", 8*3600),
		Presence: presence.New(presence.Options{
			Timeout: func(string) (time.Duration, bool) { return time.Minute, true }, Listed: func(string) bool { return false },
			Logger: slog.New(slog.DiscardHandler), Metrics: c.set,
		}),
		Instants: camera.NewInstants(), Metrics: c.set,
	}
	for _, f := range change {
		f(&o)
	}
	c.decoders = camera.Decoders(o)
	return c
}

// decoded is what came of a message.
type decoded struct {
	*reading.Batch
}

func (c city) decode(t testing.TB, decoder string, m *input.Message) decoded {
	t.Helper()
	var b reading.Batch
	var w reading.Builder
	w.Reset(&b)
	if m.Received == 0 {
		m.Received = received
	}
	w.Message(m.Body)
	for _, l := range m.Labels {
		w.Common(l.Name, l.Value)
	}
	c.decoders[decoder].Decode(m, &w)
	w.Done()
	return decoded{&b}
}

// samples are the series, as PromQL has them.
func (d decoded) samples(t testing.TB) (lines []string) {
	for _, p := range d.Points {
		for _, f := range d.Fields[p.First : p.First+p.Count] {
			metric, labels, err := reading.LabelSpeller{}.Spell(d.Bytes(p.Key), d.Bytes(f.Name), nil)
			require.NoError(t, err)
			var pairs []string
			for _, l := range labels {
				pairs = append(pairs, fmt.Sprintf("%s=%q", l.Name, l.Value))
			}
			slices.Sort(pairs)
			lines = append(lines, fmt.Sprintf("%s{%s} %v @%s", metric, strings.Join(pairs, ","), f.Value, stamp(p.Time)))
		}
	}
	return lines
}

func (d decoded) refusals() (lines []string) {
	for _, r := range d.Refusals {
		lines = append(lines, fmt.Sprintf("%d %s: %s", r.Line, r.Reason, r.Detail))
	}
	return lines
}

func stamp(ms int64) string {
	if ms == 0 {
		return "0"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// spelled is everything, for people to read.
func (d decoded) spelled(t testing.TB) string {
	var out strings.Builder
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(&out, format+"\n", args...) }
	for _, s := range d.samples(t) {
		say("%s", s)
	}
	for _, e := range d.Events {
		say("event on line %d: %s at %s, of %s: %q", e.Line, e.Kind, e.Asset, e.Vendor, e.VendorKind)
		say("  domain %s, severity %s, team %s", e.Domain, e.Severity, e.Team)
		say("  id %q, phase %q, within %s", e.ID, e.Phase, time.Duration(e.Within)*time.Millisecond)
		say("  time %s, updated %s, end %s", stamp(e.Time), stamp(e.Updated), stamp(e.End))
		say("  confidence %v, description %q", e.Confidence, e.Description)
		if e.Box != nil {
			say("  box %+v", *e.Box)
		}
		if e.Snapshot != "" || e.Picture != nil {
			say("  snapshot %q, picture %s of %d bytes", e.Snapshot, e.PictureType, len(e.Picture))
		}
		say("  raw %s", strings.ReplaceAll(strings.TrimSpace(string(e.Raw)), "\n", "\n      "))
	}
	for _, r := range d.refusals() {
		say("refused on line %s", r)
	}
	return out.String()
}

func TestWhatCamerasSendBecomesEventsAndSeries(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.*")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, ".golden") {
			continue
		}
		t.Run(strings.TrimPrefix(file, "testdata/"), func(t *testing.T) {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			decoder := filepath.Base(filepath.Dir(file))
			m := &input.Message{Body: body}
			switch name := strings.Split(filepath.Base(file), "."); {
			case decoder == camera.Frigate && name[1] == "status":
				m.Topic = "frigate/" + name[0] + "/status/" + name[2]
			case decoder == camera.Frigate:
				m.Topic = "frigate/" + name[0]
			case name[1] == "form":
				m.ContentType = "application/x-www-form-urlencoded"
			}
			c := newCity(t, func(o *camera.Options) {
				o.Config.Frames = map[string]config.CameraFrame{"front_door": {Width: 1280, Height: 720}}
				o.Config.FrigateURL = "http://frigate:5000"
			})
			got := c.decode(t, decoder, m).spelled(t)
			golden := file + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err, "go test -update writes it")
			require.Equal(t, string(want), got)
		})
	}
}
