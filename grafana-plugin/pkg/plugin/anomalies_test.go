package plugin

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"
)

const bands = `
detectors:
  - name: bridge
    select: structure_strain_microstrain
    model: band
    outputs: [score, expected, lower, upper]
`

func TestPanelsOfAnomalies(t *testing.T) {
	b := serve(t, "rules: []\ndetectors: [bands.yml]\n", "bands.yml", bands)
	c := startPlugin(t).at(b.url())
	to := time.Now().Truncate(time.Minute)
	from := to.Add(-10 * time.Hour)
	var lines strings.Builder
	for i := range 600 {
		v := 100 + i%7
		if i >= 500 && i < 510 {
			v = 900
		}
		at := from.Add(time.Duration(i) * time.Minute).UnixMilli()
		_, _ = fmt.Fprintf(&lines, "structure_strain_microstrain,asset=B1,metric=x,point=A1 value=%d %d\nstructure_strain_microstrain,asset=B2 value=%d %d\n", v, at, 50+i%5, at)
		_, _ = fmt.Fprintf(&lines, "unwatched,asset=B1 value=1 %d\n", at)
	}
	b.line(t, lines.String())
	var frames data.Frames
	ask := func(q string) data.Frames {
		t.Helper()
		resp := c.ask(t, from, to, q)[0]
		require.NoError(t, resp.Error)
		return resp.Frames
	}
	const strain = `{"kind":"anomalies","interval":"1m","legendFormat":"{{asset}}","anomalies":{"select":"structure_strain_microstrain{asset=~\"B.\"}"}}`
	eventually(t, func() bool {
		frames = ask(strain)
		if len(frames) != 3 || frames[2].Name != "B2" {
			return false
		}
		done := func(f *data.Frame) bool { scores := column(t, f, "score"); return scores[len(scores)-1] != "<nil>" }
		return done(frames[0]) && done(frames[2])
	}, func() string { return fmt.Sprint(len(frames)) })
	b1, marks := frames[0], frames[1]
	require.Equal(t, []string{"Time", "value", "expected", "lower", "upper", "score"}, names(b1))
	require.Equal(t, "B1", b1.Name)
	require.Equal(t, data.Labels{"__name__": "structure_strain_microstrain", "asset": "B1", "metric": "x", "point": "A1", "detector": "bridge"}, b1.Fields[1].Labels)
	require.Equal(t, "suffix: µε", b1.Fields[1].Config.Unit)
	require.Equal(t, "suffix: µε", b1.Fields[4].Config.Unit)
	require.Nil(t, b1.Fields[5].Config, "a score has no unit")
	times, scores, values := column(t, b1, "Time"), column(t, b1, "score"), column(t, b1, "value")
	var anomalous []string
	for i := range times {
		if over(scores[i]) {
			require.Equal(t, "900", values[i], times[i])
			anomalous = append(anomalous, times[i])
		}
	}
	require.NotEmpty(t, anomalous)
	require.Equal(t, data.DataTopicAnnotations, marks.Meta.DataTopic)
	require.Equal(t, anomalous[:1], column(t, marks, "time"))
	last, err := time.Parse(time.RFC3339, anomalous[len(anomalous)-1])
	require.NoError(t, err)
	require.Equal(t, []string{last.Add(time.Minute).Format(time.RFC3339)}, column(t, marks, "timeEnd"))

	one := ask(`{"kind":"anomalies","interval":"1m","anomalies":{"select":"structure_strain_microstrain","limit":1}}`)
	require.Contains(t, one[0].Meta.Notices[0].Text, "Shown are 1 of 2 series")
	require.Contains(t, one[0].Meta.ExecutedQueryString, "structure_strain_microstrain")
	without := ask(`{"kind":"anomalies","interval":"1m","anomalies":{"select":"unwatched"}}`)
	require.Len(t, without, 1)
	require.Equal(t, "<nil>", column(t, without[0], "score")[0])
	require.Empty(t, ask(`{"kind":"anomalies","anomalies":{"select":" "}}`))
	alert := c.panel(t, map[string]string{"FromAlert": "true"}, from, to, strain)[0]
	require.NoError(t, alert.Error)
	require.Len(t, alert.Frames, 2)
	require.Equal(t, data.FrameTypeTimeSeriesMulti, alert.Frames[0].Meta.Type)
	wrong := c.ask(t, from, to, `{"kind":"anomalies","anomalies":{"select":"sum(up)"}}`)[0]
	require.ErrorContains(t, wrong.Error, "want a series selector such as")
}

func over(score string) bool {
	var v float64
	_, _ = fmt.Sscan(score, &v)
	return v > 1
}
