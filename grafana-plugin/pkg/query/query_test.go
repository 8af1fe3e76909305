package query

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStepsAreNeverTooMany(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "from"))
		to := from.Add(time.Duration(rapid.Int64Range(0, int64(200*365*24*time.Hour)).Draw(t, "span")))
		interval := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "interval"))
		least := rapid.SampledFrom([]string{"", "1ms", "15s", ">1m", "1d", "$__interval", "7"}).Draw(t, "least")
		w, err := newWindow(from, to, interval, least, 15*time.Second)
		require.NoError(t, err)
		require.LessOrEqual(t, int64(w.to.Sub(w.from)/w.step), int64(maxPoints-1))
		require.GreaterOrEqual(t, w.step, interval)
		require.False(t, w.from.After(from))
		require.Zero(t, w.from.UnixMilli()%w.step.Milliseconds())
	})
}

func TestStepsThatMakeNoSense(t *testing.T) {
	now := time.Now()
	for _, least := range []string{"soon", "-1s", "0", "${__x}", strings.Repeat("9", 400)} {
		_, err := newWindow(now.Add(-time.Hour), now, time.Second, least, time.Second)
		require.ErrorContains(t, err, "min step: want a duration", least)
	}
	_, err := newWindow(now, now.Add(-time.Hour), time.Second, "", time.Second)
	require.ErrorContains(t, err, "ends before it begins")
}

func TestVariablesOfGrafanaAreReplaced(t *testing.T) {
	now := time.UnixMilli(1e12)
	w := window{from: now.Add(-time.Hour), to: now, step: 30 * time.Second, scrape: 15 * time.Second}
	for expr, want := range map[string]string{
		"rate(x[$__interval])": "rate(x[30s])", "rate(x[${__rate_interval}])": "rate(x[60s])", "$__interval_ms + $__range_s * $__range_ms": "30000 + 3600 * 3600000",
		"x[$__range]": "x[3600s]", "${__interval:raw}": "30s", "$__intervals $__rangex $__from": "$__intervals $__rangex $__from", "x": "x",
	} {
		require.Equal(t, want, interpolate(expr, w), expr)
	}
	w.step = 1500 * time.Millisecond
	require.Equal(t, "1500ms", interpolate("$__interval", w))
}

func TestLegends(t *testing.T) {
	labels := map[string]string{"__name__": "up", "asset": `{{x}} "q"`, "x": "never"}
	for format, want := range map[string]string{
		"{{asset}}": `{{x}} "q"`, "{{ asset }}/{{none}}": `{{x}} "q"/`, "": `up{asset="{{x}} \"q\"", x="never"}`, "__auto": "", "plain": "plain",
	} {
		require.Equal(t, want, legend(format, "expr", labels), format)
	}
	require.Equal(t, "expr", legend("", "expr", nil))
	require.Equal(t, "expr", legend("__auto", "expr", nil))
}

func TestFilters(t *testing.T) {
	for text, want := range map[string]Filter{
		`["a","!b",""]`: {"a", "!b"}, `["$__all"]`: {}, `["All","a","!b"]`: {"!b"}, `null`: nil, `"a"`: {"a"}, `"$__all"`: {}, `["!"]`: {"!"}, `["!!x"]`: {"!!x"},
	} {
		var f Filter
		require.NoError(t, json.Unmarshal([]byte(text), &f), text)
		require.Equal(t, len(want), len(f), text)
		for i := range want {
			require.Equal(t, want[i], f[i])
		}
	}
	var f Filter
	require.Error(t, json.Unmarshal([]byte(`[1]`), &f))
	many, err := json.Marshal(make([]string, filterWords+1))
	require.NoError(t, err)
	require.ErrorContains(t, json.Unmarshal(many, &f), "at most 1000 words")
	require.Equal(t, []string{"!x"}, Filter{"!!x"}.Excluded())
}

// drawn is a frame of any types, with texts of all kinds.
func drawn(t *rapid.T) *data.Frame {
	n := rapid.IntRange(0, 30).Draw(t, "rows")
	text := rapid.OneOf(rapid.StringN(0, 200, 2000), rapid.StringOfN(rapid.RuneFrom([]rune("<>&\"\\\x00\u2028a")), 0, 200, -1))
	var fields []*data.Field
	for i := range rapid.IntRange(1, 12).Draw(t, "fields") {
		var f *data.Field
		switch rapid.IntRange(0, 5).Draw(t, "type") {
		case 0:
			f = data.NewField("", nil, rapid.SliceOfN(text, n, n).Draw(t, "texts"))
		case 1:
			f = data.NewField("", nil, rapid.SliceOfN(rapid.Float64(), n, n).Draw(t, "numbers"))
		case 2:
			f = data.NewField("", nil, make([]*float64, n))
		case 3:
			f = data.NewField("", nil, make([]time.Time, n))
		case 4:
			f = data.NewField("", nil, make([]int64, n))
		default:
			raw := make([]json.RawMessage, n)
			for j := range raw {
				raw[j], _ = json.Marshal(text.Draw(t, "json"))
			}
			f = data.NewField("", nil, raw)
		}
		f.Name = fmt.Sprint(i) + text.Draw(t, "name")
		f.Labels = data.Labels(rapid.MapOfN(text, text, 0, 5).Draw(t, "labels"))
		if rapid.Bool().Draw(t, "configured") {
			f.Config = &data.FieldConfig{DisplayNameFromDS: text.Draw(t, "display")}
		}
		fields = append(fields, f)
	}
	frame := data.NewFrame(text.Draw(t, "frame"), fields...)
	frame.Meta = &data.FrameMeta{Type: rapid.SampledFrom([]data.FrameType{data.FrameTypeTable, data.FrameTypeTimeSeriesWide}).Draw(t, "kind"), ExecutedQueryString: text.Draw(t, "executed")}
	return frame
}

func TestAFrameIsNeverLargerThanItsSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frame := drawn(t)
		bytes, err := frame.MarshalArrow()
		require.NoError(t, err)
		require.LessOrEqual(t, len(bytes), size(frame))
	})
}

func TestAnswersFitTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(200_000, 600_000).Draw(t, "limit")
		responses := backend.Responses{}
		var models []*asked
		for i := range rapid.IntRange(1, 4).Draw(t, "queries") {
			id := fmt.Sprint(i)
			models = append(models, &asked{Model: Model{RefID: id}, lang: wording.English})
			responses[id] = backend.DataResponse{Frames: rapid.SliceOfN(rapid.Custom(drawn), 1, 8).Draw(t, "frames")}
		}
		before := 0
		for _, r := range responses {
			for _, f := range r.Frames {
				before += size(f)
			}
		}
		fit(responses, limit, models)
		after, cut := 0, 0
		for _, r := range responses {
			require.NotEmpty(t, r.Frames)
			cut += len(r.Frames[0].Meta.Notices)
			for _, f := range r.Frames {
				after += size(f)
			}
		}
		if before <= limit {
			require.Equal(t, before, after)
			require.Zero(t, cut)
			return
		}
		require.Positive(t, cut, "what is cut says so")
		require.LessOrEqual(t, after, limit+len(models)*20_000, "but for what even an empty frame has")
	})
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		`{"kind":"hazards","hazards":{"status":["open","!x"],"limit":-1}}`, `{"expr":"up","range":true}`, `{"kind":"assets","assets":{"metrics":"*"}}`, `[]`, `null`, `{"hazards":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse(text)
		if err != nil {
			return
		}
		require.Contains(t, Kinds(), m.Kind)
		again, err := json.Marshal(m)
		require.NoError(t, err)
		back, err := Parse(again)
		require.NoError(t, err)
		second, err := json.Marshal(back)
		require.NoError(t, err)
		require.Equal(t, string(again), string(second))
	})
}

func TestEventsThatWereNotReadAreNotCountedAsNone(t *testing.T) {
	began := time.Unix(6000, 0).UTC()
	a := &asked{from: began, to: began.Add(time.Hour), interval: time.Minute, lang: wording.English}
	rows := []client.Event{{Time: began.Add(50 * time.Minute)}, {Time: began.Add(40*time.Minute + time.Second)}}
	whole := a.eventCounts(rows, false)
	require.Equal(t, began, whole.Fields[0].At(0))
	require.Empty(t, a.partly)
	part := a.eventCounts(rows, true)
	require.Equal(t, began.Add(42*time.Minute), part.Fields[0].At(0), "steps are of two minutes")
	require.Contains(t, part.Meta.Notices[0].Text, "Counted are the newest 2 events, those since 1970-01-01T02:22:00Z")
	require.NotEmpty(t, a.partly)
}

func TestStretchesOfAnomalies(t *testing.T) {
	at := func(i int) time.Time { return time.Unix(int64(i)*60, 0).UTC() }
	score := client.Series{}
	for i, v := range []float64{0, 1, 1.1, 5, 0.9, 2, 0, 3} {
		score.Times, score.Values = append(score.Times, at(i)), append(score.Values, v)
	}
	a := &asked{lang: wording.Chinese}
	marks := a.marks(&set{values: client.Series{Labels: map[string]string{"a": "<b>"}}, said: map[string]client.Series{"score": score}}, window{step: time.Minute})
	require.Equal(t, 3, marks.Rows())
	for i, want := range [][2]int{{2, 4}, {5, 6}, {7, 8}} {
		require.Equal(t, at(want[0]), marks.Fields[0].At(i))
		require.Equal(t, at(want[1]), marks.Fields[1].At(i))
	}
	require.Equal(t, "异常", marks.Fields[3].At(0))
	require.NotContains(t, marks.Fields[4].At(0), "<b>")
}

func TestHeatmapsWhoseBucketsComeInAnyOrder(t *testing.T) {
	times := []time.Time{time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC()}
	result := &client.Result{Type: "matrix", Series: []client.Series{
		{Labels: map[string]string{"le": "+Inf"}, Times: times, Values: []float64{10, 12}},
		{Labels: map[string]string{"le": "0.5"}, Times: times[1:], Values: []float64{3}},
		{Labels: map[string]string{"le": "10"}, Times: times, Values: []float64{7, 2}},
	}}
	frame := heatmaps(result, "x", window{step: time.Second})[0]
	got := map[string][]string{}
	for _, f := range frame.Fields[1:] {
		for row := range f.Len() {
			v, there := f.ConcreteAt(row)
			if !there {
				v = nil
			}
			got[f.Name] = append(got[f.Name], fmt.Sprint(v))
		}
	}
	require.Equal(t, map[string][]string{"0.5": {"<nil>", "3"}, "10": {"7", "0"}, "+Inf": {"3", "10"}}, got)
}

func TestLiveColumnsStayWhereTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var steady Steady
		now, span := time.Unix(0, 0).UTC(), 10*time.Second
		seen := map[string]time.Time{}
		a := &asked{Model: Model{LegendFormat: legendAuto}, lang: wording.English}
		for range rapid.IntRange(1, 20).Draw(t, "rows") {
			now = now.Add(time.Duration(rapid.IntRange(1, 6).Draw(t, "seconds")) * time.Second)
			result := &client.Result{Type: "vector"}
			values := map[string]float64{}
			for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), rapid.ID[string]).Draw(t, "there") {
				values[name] = rapid.Float64().Draw(t, "value")
				seen[name] = now
				result.Series = append(result.Series, client.Series{Labels: map[string]string{"asset": name}, Times: []time.Time{now}, Values: []float64{values[name]}})
			}
			frame := a.together(result, "x", window{})
			steady.Complete(frame, now, span)
			var want, got []string
			for _, name := range []string{"a", "b", "c", "d", "e"} {
				if at, ever := seen[name]; ever && now.Sub(at) <= span {
					want = append(want, name)
				}
			}
			for _, f := range frame.Fields[1:] {
				name := f.Labels["asset"]
				got = append(got, name)
				require.Equal(t, 1, f.Len())
				v, there := f.ConcreteAt(0)
				_, wanted := values[name]
				require.Equal(t, wanted, there)
				if there {
					require.InDelta(t, values[name], v, 0)
				}
				require.Equal(t, name, f.Config.DisplayNameFromDS)
			}
			require.Equal(t, want, got)
		}
	})
}

func TestLiveColumnsAreNotKeptForEver(t *testing.T) {
	var steady Steady
	now := time.Now()
	for i := range 2 * mostSteady {
		a := &asked{lang: wording.English}
		frame := a.together(&client.Result{Series: []client.Series{{Labels: map[string]string{"i": fmt.Sprint(i)}, Times: []time.Time{now}, Values: []float64{1}}}}, "x", window{})
		steady.Complete(frame, now, time.Hour)
		require.LessOrEqual(t, len(frame.Fields), 1+mostSteady)
	}
}

func TestNamesOfLiveSeries(t *testing.T) {
	for want, labels := range map[string]map[string]string{
		"W1": {"__name__": "x", "asset": "W1"}, `x{a="1", b="2"}`: {"__name__": "x", "a": "1", "b": "2"}, "x": {"__name__": "x"}, `{a=""}`: {"a": ""}, "{}": nil,
	} {
		require.Equal(t, want, shortName(labels))
	}
}
