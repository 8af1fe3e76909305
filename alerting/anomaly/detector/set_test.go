package detector_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

func kinds() []model.Kind {
	return []model.Kind{
		{Name: "auto", Options: []model.Option{
			{Name: "season", Default: 86400, Min: 3600, Max: 7 * 86400, Duration: true, Meaning: "the rhythm"},
			{Name: "trees", Default: 10, Min: 1, Max: 100, Whole: true, Meaning: "how many"},
			{Name: "width", Default: 3, Min: 0.5, Max: 10, Meaning: "deviations"},
		}},
		{Name: "band"},
		{Name: "together", Joint: true, Version: 2},
	}
}

func load(t *testing.T, texts ...string) (*detector.Set, error) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		require.NoError(t, os.WriteFile(filepath.Join(dir, string(rune('a'+i))+".yml"), []byte(text), 0o666))
	}
	set, err := detector.Load([]string{filepath.Join(dir, "*.yml")}, nil, kinds(), nil)
	if err != nil {
		return nil, errorText(strings.ReplaceAll(err.Error(), dir+"/", ""))
	}
	return set, nil
}

type errorText string

func (e errorText) Error() string { return string(e) }

func TestADetectorHasWhatItsFileSays(t *testing.T) {
	set, err := load(t, `
detectors:
  - name: pump-vibration
    select: '{__name__=~"pump_vibration.*",domain="water"}'
  - name: bridges
    select: [structure_strain_microstrain, 'structure_tilt_degrees{axis="x"}']
    model: together
    by: [asset, span]
    channels: [structure_strain_microstrain, structure_tilt_degrees]
    align: 10s
    warmup: 2d
    outputs: [upper, score]
    limit: 1e3
    forget: 7d
`, `
detectors:
  - name: slow
    select: well_level_m
    options: {season: 7d, trees: 20, width: 0.75}
`)
	require.NoError(t, err)
	require.Len(t, set.Files(), 2)
	all := set.Detectors()
	require.Len(t, all, 3)
	d := all[0]
	require.Equal(t, "auto", d.Kind.Name)
	require.Equal(t, model.Settings{"season": 86400, "trees": 10, "width": 3}, d.Settings)
	require.Equal(t, []detector.Output{detector.Score}, d.Outputs)
	require.Equal(t, 200_000, d.Limit)
	require.Equal(t, 30*24*time.Hour, d.Forget)
	require.Zero(t, d.Warmup)
	require.Equal(t, 3, d.Line)

	d = all[1]
	require.Equal(t, []string{"asset", "span"}, d.By)
	require.Len(t, d.Channels, 2)
	require.Equal(t, 10*time.Second, d.Align)
	require.Equal(t, 48*time.Hour, d.Warmup)
	require.Equal(t, []detector.Output{detector.Score, detector.Upper}, d.Outputs)
	require.Equal(t, 1000, d.Limit)
	strain := labels.FromStrings("__name__", "structure_strain_microstrain", "asset", "B1", "span", "2", "probe", "x")
	require.True(t, d.Selects(strain))
	require.False(t, d.Selects(labels.FromStrings("__name__", "structure_tilt_degrees", "asset", "B1", "axis", "y")))
	require.Equal(t, `{asset="B1", detector="bridges", span="2"}`, d.Labels(strain).String())
	place, ok := d.Channel(labels.FromStrings("__name__", "structure_tilt_degrees", "axis", "x"))
	require.True(t, ok)
	require.Equal(t, 1, place)

	require.Equal(t, model.Settings{"season": 7 * 86400, "trees": 20, "width": 0.75}, all[2].Settings)
}

func TestTheMetricIsALabelOfItsScores(t *testing.T) {
	set, err := load(t, "detectors: [{name: d, select: '{asset=\"W1\"}'}]")
	require.NoError(t, err)
	d := set.Detectors()[0]
	require.Equal(t, `{asset="W1", detector="d", metric="well_level_m", probe="up"}`,
		d.Labels(labels.FromStrings("__name__", "well_level_m", "asset", "W1", "probe", "up")).String())
	require.Equal(t, `{asset="W1", detector="d", exported_detector="x", exported_metric="y", metric="asset_threshold"}`,
		d.Labels(labels.FromStrings("__name__", "asset_threshold", "asset", "W1", "metric", "y", "detector", "x")).String())
	require.Equal(t, `{detector="d", exported_exported_metric="e", exported_metric="y", metric="m"}`,
		d.Labels(labels.FromStrings("__name__", "m", "metric", "y", "exported_metric", "e")).String())
	require.True(t, d.Selects(labels.FromStrings("__name__", "well_level_m", "asset", "W1")))
	require.False(t, d.Selects(labels.FromStrings("__name__", "anomaly_score", "asset", "W1")), "it would watch itself")
}

func TestSeriesThatDifferHaveScoresThatDiffer(t *testing.T) {
	set, err := load(t, "detectors: [{name: d, select: m}]")
	require.NoError(t, err)
	names := []string{"metric", "exported_metric", "exported_exported_metric", "detector", "exported_detector", "asset", "exported_asset"}
	of := map[string]string{} // series, by the labels of their scores
	rapid.Check(t, func(t *rapid.T) {
		b := labels.NewBuilder(labels.FromStrings("__name__", "m"))
		for _, name := range names {
			if v := rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, name); v != "" {
				b.Set(name, v)
			}
		}
		series := b.Labels()
		scores := set.Detectors()[0].Labels(series)
		require.Equal(t, "m", scores.Get("metric"))
		require.Equal(t, "d", scores.Get("detector"))
		if other, found := of[scores.String()]; found {
			require.Equal(t, other, series.String(), "they share %s", scores)
		}
		of[scores.String()] = series.String()
	})
}

func TestAStateDependsOnWhatTheModelIsToldOnly(t *testing.T) {
	state := func(rest string) string {
		set, err := load(t, "detectors: [{name: d, select: a, "+rest+"}]")
		require.NoError(t, err)
		return set.Detectors()[0].State()
	}
	require.Equal(t, state(""), state("warmup: 1d, outputs: [upper], limit: 3, forget: 1d, options: {trees: 10}"))
	require.NotEqual(t, state(""), state("options: {trees: 11}"))
	require.NotEqual(t, state(""), state("model: band"))
	require.NotEqual(t, state("model: together"), state("model: together, by: []"))
	require.NotEqual(t, state("model: together"), state("model: together, align: 1s"))
	require.NotEqual(t, state("model: together"), state("model: together, channels: ['a{k=\"1\"}', 'a{k=\"2\"}']"))
	in := func(zone *time.Location) string {
		set, err := detector.Load(nil, fstest.MapFS{"a.yml": {Data: []byte("detectors: [{name: d, select: a}]")}}, kinds(), zone)
		require.NoError(t, err)
		return set.Detectors()[0].State()
	}
	require.Equal(t, state(""), in(time.UTC))
	require.NotEqual(t, state(""), in(time.FixedZone("", 3600)), "its days would begin at another time")
}

func TestMistakesSayWhereTheyAreAndWhatIsRight(t *testing.T) {
	const watched = "detectors:\n  - name: a\n    select: x\n"
	for name, c := range map[string]struct{ text, want string }{
		"no YAML":           {"detectors: [", "a.yml:1: want YAML; got a mistake in its syntax"},
		"no list":           {"detectors: 3", "a.yml:1: detectors: want a list of detectors, each with name and select; got \"3\""},
		"unknown at top":    {"detektors: []", `a.yml:1: detektors: unknown key; did you mean "detectors"?`},
		"unknown":           {watched + "    modell: auto", `a.yml:4: detectors[0].modell: unknown key; did you mean "model"?`},
		"no name":           {"detectors:\n  - select: x", "a.yml:2: detectors[0]: want a name, which becomes the label detector of the scores; got none"},
		"bad name":          {"detectors:\n  - name: a b\n    select: x", "a.yml:2: detectors[0].name: want a name of letters"},
		"nothing":           {"detectors:\n  -", "a.yml:2: detectors[0]: want a detector with name and select; got nothing"},
		"no selector":       {"detectors:\n  - name: a", "a.yml:2: detectors[0]: want select, which says what is watched"},
		"bad selector":      {"detectors:\n  - name: a\n    select: 'x{'", "a.yml:3: detectors[0].select: want a selector of series as in PromQL"},
		"expression":        {"detectors:\n  - name: a\n    select: [x, 'rate(x[5m])']", "a.yml:3: detectors[0].select[1]: want a selector of series as in PromQL"},
		"everything":        {"detectors:\n  - name: a\n    select: '{}'", "a.yml:3: detectors[0].select: want a selector with at least one condition"},
		"a loop":            {"detectors:\n  - name: a\n    select: anomaly_score", `a.yml:3: detectors[0].select: want no series that detectors store, such as anomaly_score; add __name__!~"anomaly_.*" to leave them out`},
		"a hidden loop":     {"detectors:\n  - name: a\n    select: '{__name__=~\".+\"}'", `add __name__!~"anomaly_.*" to leave them out`},
		"model":             {watched + "    model: bnd", `a.yml:4: detectors[0].model: want one of auto, band, together (did you mean "band"?); got "bnd"`},
		"option":            {watched + "    options: {tress: 3}", `a.yml:4: detectors[0].options.tress: unknown option of model auto; did you mean "trees"?`},
		"other option":      {watched + "    options: {foo: 3}", "it has season (the rhythm, default 1d), trees (how many, default 10), width (deviations, default 3)"},
		"no options":        {watched + "    model: band\n    options: {foo: 3}", "a.yml:5: detectors[0].options.foo: unknown option of model band; it has none"},
		"whole option":      {watched + "    options: {trees: 3.5}", `a.yml:4: detectors[0].options.trees: want a whole number from 1 to 100, such as 10 (how many); got "3.5"`},
		"duration option":   {watched + "    options: {season: 5s}", `want a duration from 1h to 1w, such as 1d (the rhythm); got "5s"`},
		"options no map":    {watched + "    options: 3", "a.yml:4: detectors[0].options: want options and their values; model auto has season"},
		"by":                {watched + "    by: [asset]", "a.yml:4: detectors[0].by: only models that watch several series as one have this, which are together; auto does not"},
		"bad by":            {watched + "    model: together\n    by: [detector]", `a.yml:5: detectors[0].by[0]: want a label of the series, such as asset; got "detector"`},
		"one channel":       {watched + "    model: together\n    channels: [x]", "a.yml:5: detectors[0].channels: want at least two channels"},
		"channel twice":     {watched + "    model: together\n    channels: [x, x]", `a.yml:5: detectors[0].channels[1]: want each channel once; got "x" again`},
		"channel of others": {watched + "    model: together\n    channels: ['x{a=\"1\"}', y]", `a.yml:5: detectors[0].channels[1]: want a channel that select has as well, as only what it selects is watched; got "y"`},
		"align":             {watched + "    align: 10s", "a.yml:4: detectors[0].align: only models that watch several series as one have this"},
		"warmup":            {watched + "    warmup: long", `a.yml:4: detectors[0].warmup: want a duration such as 2d; got "long"`},
		"outputs":           {watched + "    outputs: [scores]", `a.yml:4: detectors[0].outputs[0]: want one of score, expected, lower, upper (did you mean "score"?); got "scores"`},
		"no outputs":        {watched + "    outputs: []", "a.yml:4: detectors[0].outputs: want at least one of score, expected, lower, upper; got none"},
		"limit":             {watched + "    limit: 0", "a.yml:4: detectors[0].limit: want a whole number of series, such as 200000, at least 1"},
		"the same name":     {watched + "  - name: a\n    select: y", `a.yml:4: detectors[1]: want a name of its own; "a" is also the name of the one at `},
		"several at a time": {watched + "    limit: x\n    warmup: y", "a.yml:5: detectors[0].warmup"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.text)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestNamesAreUniqueAmongFiles(t *testing.T) {
	const text = "detectors: [{name: a, select: x}]"
	_, err := load(t, text, text)
	require.EqualError(t, err, `b.yml:1: detectors[0]: want a name of its own; "a" is also the name of the one at a.yml:1`)
}

func TestFilesAreWhereTheGlobsSay(t *testing.T) {
	dir := t.TempDir()
	_, err := detector.Load([]string{filepath.Join(dir, "*.yml")}, nil, kinds(), nil)
	require.ErrorContains(t, err, "no file matches")
	_, err = detector.Load([]string{"["}, nil, kinds(), nil)
	require.ErrorContains(t, err, "is no glob")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.yml"), nil, 0o666))
	set, err := detector.Load([]string{filepath.Join(dir, "*.yml"), filepath.Join(dir, "a.yml")}, nil, kinds(), nil)
	require.NoError(t, err)
	require.Len(t, set.Files(), 1)
	require.Empty(t, set.Detectors())

	set, err = detector.Load(nil, fstest.MapFS{
		"a.yml": {Data: []byte("detectors: [{name: a, select: x}]")}, "b.txt": {Data: []byte("no")},
	}, kinds(), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"embedded:a.yml"}, set.Files())
	set, err = detector.Load(nil, nil, kinds(), nil)
	require.NoError(t, err)
	require.Empty(t, set.Detectors())
}

func TestADetectorWithoutModelNeedsTheDefaultOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yml")
	require.NoError(t, os.WriteFile(path, []byte("detectors: [{name: a, select: x}]"), 0o666))
	_, err := detector.Load([]string{path}, nil, kinds()[1:], nil)
	require.ErrorContains(t, err, `want model to be one of band, together, since there is no "auto"`)
}
