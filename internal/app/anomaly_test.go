package app

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/anomaly/watch"
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

// kindsWith are all models, of which auto is the steady one.
func kindsWith(t *testing.T) []model.Kind {
	kinds := []model.Kind{{Name: "auto", New: func(_ int, _ model.Settings, zone *time.Location) model.Model {
		assert.Equal(t, "Europe/Berlin", zone.String(), "the zone by whose days models learn")
		return &steady{}
	}}}
	for _, k := range model.Kinds() {
		if k.Name != "auto" {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// watchful starts a Belfry on dir, with these models, that stop ends.
func watchful(t *testing.T, dir, more string) (r *running, stop func()) {
	t.Helper()
	text := strings.ReplaceAll("listen: 127.0.0.1:0\ndata_dir: DIR/data\ntimezone: Europe/Berlin\n"+more, "DIR", dir)
	c, err := config.Parse(filepath.Join(dir, "belfry.yml"), []byte(text))
	require.NoError(t, err)
	return start(t, Options{Config: c, Kinds: kindsWith(t)})
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

const ownRules = "rules: [DIR/rules.yml]\ndetectors: [DIR/detectors.yml]\n"

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
	r, stop := watchful(t, dir, ownRules)
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

	r, stop = watchful(t, dir, ownRules)
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

// TestTheRulesThatBelfryBringsAlongSayWhatShakes looks at an alert of the built-in
// rules and detectors as an operator does.
func TestTheRulesThatBelfryBringsAlongSayWhatShakes(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "catalog.yml", "assets: [{id: P7, domain: water, name: Pump 7, name_zh: 7号泵, street: Hualongqiao, team: municipal}]\n")
	r, stop := watchful(t, dir, "catalog: [DIR/catalog.yml]\nlimits: {late: 2d}\n")
	defer stop()
	at := time.Now().Add(-25 * time.Hour) // it learns for a day
	for i := range 12 {
		r.write(t, fmt.Sprintf("pump,asset=P7 vibration_mm_per_s=2,current_amperes=%g %d", 31+float64(i%2), at.Add(time.Duration(i)*time.Second).UnixNano()))
	}
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(r.detectors(t), func(d watch.Shown) bool { return d.Name == "pump" && d.Scored == 24 })
	}, time.Minute, 5*time.Millisecond)
	r.write(t, fmt.Sprintf("pump,asset=P7 vibration_mm_per_s=9.25,current_amperes=31 %d", time.Now().UnixNano()))
	type alert struct{ Labels, Annotations map[string]string }
	var found []alert
	require.Eventually(t, func() bool {
		found = nil
		var all []alert
		getJSON(t, r.URL()+"/api/v2/alerts", &all)
		for _, a := range all {
			if a.Labels["alertname"] == "PumpAnomaly" {
				found = append(found, a)
			}
		}
		return len(found) > 0
	}, time.Minute, 5*time.Millisecond)
	require.Len(t, found, 1)
	for name, want := range map[string]string{
		"asset": "P7", "metric": "pump_vibration_mm_per_s", "quantity": "pump_vibration_mm_per_s", "severity": "info",
		"team": "municipal", "street": "Hualongqiao", "domain": "water",
	} {
		require.Equal(t, want, found[0].Labels[name], name)
	}
	said := found[0].Annotations
	require.Contains(t, said["summary"], "A reading of P7 is unusual: pump_vibration_mm_per_s 9.25, usually about 2; anomaly score ")
	require.Contains(t, said["summary_zh"], "pump_vibration_mm_per_s 9.25，平常约 2，异常分数 ")
	require.Equal(t, "1", said["limit"])
	require.Equal(t, "Pump 7", said["name"])
	require.NotEmpty(t, said["reading_time"])
	require.Contains(t, said["runbook_url"], "PumpAnomaly.md")
	for _, d := range r.detectors(t) {
		if d.Name == "pump" || d.Name == "pump-together" {
			require.NotZero(t, d.Series, d.Name)
		} else {
			require.Zero(t, d.Series, "%s: nothing that it watches was sent", d.Name)
		}
	}
}

// TestWhoDoesNotWantDetectorsHasNone says when the built-in ones are used.
func TestWhoDoesNotWantDetectorsHasNone(t *testing.T) {
	for text, want := range map[string]bool{"": true, "detectors: []": false, "rules: []": false, "catalog: []": true} {
		c, err := config.Parse("belfry.yml", []byte(text))
		require.NoError(t, err)
		set, err := LoadDetectors(c, kindsWith(t), c.Timezone)
		require.NoError(t, err)
		require.Equal(t, want, len(set.Detectors()) > 0, text)
	}
}
