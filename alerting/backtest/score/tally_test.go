package score_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/backtest/score"
)

// tally takes a row an hour: . is quiet, a an alarm, l a label, x both.
func tally(rows string) *score.Tally {
	t := &score.Tally{Threshold: 1, Labels: true}
	for i, c := range rows {
		s := 1.0
		if c == 'a' || c == 'x' {
			s = 1.01
		}
		t.Add(int64(i)*time.Hour.Milliseconds(), s, c == 'l' || c == 'x')
	}
	return t
}

func TestWindowsAndAlarms(t *testing.T) {
	// A day and an hour: found after 2 h, an alarm that goes on beyond its window, a false alarm of two rows, a window
	// that is missed, and one into which an alarm reaches.
	s := tally("..llxxaa...aa..lll..ax.l.").Summary()
	require.Equal(t, 25, s.Rows)
	require.InDelta(t, 1, float64(s.Days), 1e-9)
	require.Equal(t, 3, s.Alarms)
	l := s.Labels
	require.Equal(t, score.Points{TruePositives: 3, FalsePositives: 5, FalseNegatives: 6, TrueNegatives: 11}, l.Points)
	require.InDelta(t, 3./8, float64(l.Precision), 1e-9)
	require.InDelta(t, 3./9, float64(l.Recall), 1e-9)
	require.InDelta(t, 6./17, float64(l.F1), 1e-9)
	require.InDelta(t, 5./16, float64(l.FalseAlarmRate), 1e-9)
	require.InDelta(t, 6./9, float64(l.MissedAlarmRate), 1e-9)
	require.Equal(t, 4, l.Windows)
	require.Equal(t, 2, l.Found)
	require.Equal(t, 2, l.Missed)
	require.Equal(t, 1, l.FalseAlarms)
	require.InDelta(t, 2./3, float64(l.AlarmPrecision), 1e-9)
	require.InDelta(t, 1/((24-3-2.)/24), float64(l.FalseAlarmsPerDay), 1e-9)
	require.InDelta(t, 3600, float64(l.MeanDelay), 1e-9)
	require.InDelta(t, 3600, float64(l.MedianDelay), 1e-9)
}

func TestNothingToDivideBy(t *testing.T) {
	text, err := json.Marshal((&score.Tally{Threshold: 1, Labels: true}).Summary())
	require.NoError(t, err)
	require.Contains(t, string(text), `"f1":null`)
	require.Contains(t, string(text), `"mean_delay_seconds":null`)
}

func TestCenturies(t *testing.T) {
	tl := &score.Tally{Threshold: 1}
	for year := 1700; year < 2100; year++ {
		tl.Add(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), 2*float64(year%2), false)
	}
	s := tl.Summary()
	require.InDelta(t, 399*365.25, float64(s.Days), 5)
	require.InDelta(t, 200/(399*365.25), float64(s.AlarmsPerDay), 1e-5)
}

func TestWhatSumsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.StringOfN(rapid.RuneFrom([]rune(".alx")), 1, 50, -1).Draw(t, "rows")
		tl := tally(rows)
		s := tl.Summary()
		l := s.Labels
		require.Equal(t, len(rows), l.TruePositives+l.FalsePositives+l.FalseNegatives+l.TrueNegatives)
		require.Equal(t, l.Windows, l.Found+l.Missed)
		require.Len(t, tl.Windows(), l.Windows)
		require.Len(t, tl.Alarms(), s.Alarms)
		if p, r := float64(l.Precision), float64(l.Recall); p+r > 0 {
			require.InDelta(t, 2*p*r/(p+r), float64(l.F1), 1e-9)
		}
		require.Equal(t, l.Found == 0, math.IsNaN(float64(l.MedianDelay)))
		require.Equal(t, l.Found > 0, l.TruePositives > 0)
	})
}
