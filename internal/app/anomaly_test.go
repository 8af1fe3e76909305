package app

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/anomaly/watch"
	"github.com/belfry-city/belfry/alerting/pager"
	"github.com/belfry-city/belfry/internal/config"
)

// steady is a model of series that stay about where they are: six mean absolute
// deviations from the mean are anomalous, once it has seen ten samples.
type steady struct{ mean, spread, seen float64 }

func (m *steady) Observe(_ int64, values []float64) model.Verdict {
	x := values[0]
	if math.IsNaN(x) {
		return model.Verdict{}
	}
	if m.seen == 0 {
		m.mean = x
	}
	off, width := math.Abs(x-m.mean), 6*max(m.spread, 0.01)
	v := model.Verdict{Expected: m.mean, Lower: m.mean - width, Upper: m.mean + width}
	if m.seen >= 10 {
		v.Score = off / width
	}
	if v.Score <= 1 {
		m.mean += (x - m.mean) / 10
		m.spread += (off - m.spread) / 10
	}
	m.seen++
	return v
}

func (m *steady) AppendBinary(b []byte) ([]byte, error) {
	for _, v := range []float64{m.mean, m.spread, m.seen} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b, nil
}

func (m *steady) UnmarshalBinary(b []byte) error {
	if len(b) != 24 {
		return errors.New("no state of a steady model")
	}
	for i, v := range []*float64{&m.mean, &m.spread, &m.seen} {
		*v = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return nil
}

// watchful starts a Belfry on dir, with that model, that stop ends.
func watchful(t *testing.T, dir string) (r *running, stop func()) {
	t.Helper()
	text := strings.ReplaceAll("listen: 127.0.0.1:0\ndata_dir: DIR/data\ntimezone: Europe/Berlin\nrules: [DIR/rules.yml]\ndetectors: [DIR/detectors.yml]\n", "DIR", dir)
	c, err := config.Parse(filepath.Join(dir, "belfry.yml"), []byte(text))
	require.NoError(t, err)
	r = &running{cfg: c}
	r.App, err = New(t.Context(), Options{
		Config: c, Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(),
		Kinds: []model.Kind{{Name: "auto", New: func(_ int, _ model.Settings, zone *time.Location) model.Model {
			assert.Equal(t, "Europe/Berlin", zone.String(), "the zone by whose days models learn")
			return &steady{}
		}}},
		Deliver: func(_ context.Context, pages []pager.Page) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.pages = append(r.pages, pages...)
			return nil
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return r, func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

func (r *running) detectors(t *testing.T) []watch.Shown {
	t.Helper()
	status, text := r.do(t, "GET", "/api/belfry/v1/detectors", "")
	require.Equal(t, 200, status, text)
	var answer struct{ Detectors []watch.Shown }
	require.NoError(t, json.Unmarshal([]byte(text), &answer))
	return answer.Detectors
}

// scored waits until so many samples have been.
func (r *running) scored(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return r.detectors(t)[0].Scored == uint64(n) }, time.Minute, 5*time.Millisecond)
}

func TestAPumpThatShakesPagesAlsoAfterARestart(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "rules.yml", `groups:
- name: pumps
  interval: 1h
  rules:
  - alert: PumpShakes
    expr: anomaly_score{detector="pumps"} > 1
    labels: {severity: critical}
    annotations: {summary: "{{ $labels.asset }}: {{ $labels.metric }}"}
`)
	put(t, dir, "detectors.yml", "detectors:\n- {name: pumps, select: '{__name__=~\"pump_.*\"}', outputs: [score, expected, lower, upper]}\n")
	r, stop := watchful(t, dir)
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	feed := func(asset string, v float64) {
		at = at.Add(time.Second)
		r.write(t, fmt.Sprintf("pump,asset=%s vibration_mm_per_s=%g %d", asset, v, at.UnixNano()))
	}
	for i := range 8 {
		feed("P1", 2+0.1*float64(i%3))
	}
	r.scored(t, 8)
	stop()

	r, stop = watchful(t, dir)
	for i := range 4 { // it has seen eight already
		feed("P1", 2+0.1*float64(i%3))
	}
	at = time.Now()
	feed("P1", 9)
	r.paged(t, "PumpShakes", "P1")
	r.mu.Lock()
	require.Equal(t, "P1: pump_vibration_mm_per_s", r.pages[0].Summary)
	r.mu.Unlock()
	require.NotEmpty(t, r.value(t, `anomaly_upper{asset="P1",detector="pumps",metric="pump_vibration_mm_per_s"} < 9`))
	d := r.detectors(t)
	require.Len(t, d, 1)
	require.EqualValues(t, 1, d[0].Series)
	require.EqualValues(t, 1, d[0].Anomalous)

	// A mistake changes nothing.
	put(t, dir, "detectors.yml", "detectors:\n- {name: pumps, selekt: x}\n")
	status, text := r.do(t, "POST", "/-/reload", "")
	require.Equal(t, 500, status)
	require.Contains(t, text, `detectors.yml:2: detectors[0].selekt: unknown key; did you mean "select"?`)
	feed("P1", 2)
	r.scored(t, 6)
	put(t, dir, "detectors.yml", "detectors:\n- {name: pumps, select: pump_vibration_mm_per_s}\n- {name: wells, select: well_level_m}\n")
	status, text = r.do(t, "POST", "/-/reload", "")
	require.Equal(t, 200, status, text)
	require.Eventually(t, func() bool { return len(r.detectors(t)) == 2 }, time.Minute, 5*time.Millisecond)
	require.EqualValues(t, 1, r.detectors(t)[0].Series)
	stop()
}
