package owed

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func alertOf(asset string, end time.Time) *alert.Alert {
	return &alert.Alert{
		Alert: model.Alert{
			Labels:      model.LabelSet{"alertname": "Flood", "asset": model.LabelValue(asset)},
			Annotations: model.LabelSet{"summary": "水位"},
			StartsAt:    time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), EndsAt: end,
		},
		UpdatedAt: time.Date(2026, 3, 1, 0, 1, 0, 0, time.UTC),
	}
}

// dump is all that stands in a Book.
func dump(t require.TestingT, b *Book) string {
	var text bytes.Buffer
	_, err := b.Snapshot(&text)
	require.NoError(t, err)
	lines := strings.Split(text.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestWhatIsOwedOutlivesTheProcess draws what happens, and reads any snapshot with the changes from some time before
// it on, as a crash leaves them.
func TestWhatIsOwedOutlivesTheProcess(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := New()
		var changes [][]byte
		b.SetBroadcast(func(text []byte) { changes = append(changes, text) })
		end := time.Date(2026, 3, 1, 0, 2, 0, 0, time.UTC)
		var snapshot bytes.Buffer
		var before int
		steps := rapid.SliceOfN(rapid.IntRange(0, 6), 1, 40).Draw(rt, "steps")
		keepAt := rapid.IntRange(0, len(steps)-1).Draw(rt, "snapshot")
		for i, step := range steps {
			a := alertOf(fmt.Sprint(rapid.IntRange(0, 3).Draw(rt, "asset")), end)
			to := To{"duty", fmt.Sprintf("webhook[%d]", rapid.IntRange(0, 1).Draw(rt, "to"))}
			switch step {
			case 0:
				b.Due("duty", a)
			case 1:
				b.Owe(to, a)
			case 2:
				b.Told(to, a)
			case 3:
				b.Passed("duty", time.Now(), rapid.Bool().Draw(rt, "well"), a)
			case 4:
				a.EndsAt = end.Add(time.Second)
				b.Stored(a)
			case 5:
				b.Move(func(known To) bool { return known.Integration != "webhook[0]" }, func(model.LabelSet) []string { return []string{"night"} })
			}
			if i == keepAt {
				before = rapid.IntRange(0, len(changes)).Draw(rt, "old changes")
				_, err := b.Snapshot(&snapshot)
				require.NoError(rt, err)
			}
		}
		again := New()
		require.NoError(rt, again.Merge(snapshot.Bytes()))
		for _, change := range changes[before:] {
			require.NoError(rt, again.Merge(change))
		}
		require.Equal(rt, dump(rt, b), dump(rt, again))
	})
}

func TestWhatEndedLongAgoIsForgotten(t *testing.T) {
	b := New()
	now := time.Now()
	b.Due("duty", alertOf("old", now.Add(-25*time.Hour)))
	b.Due("duty", alertOf("new", now.Add(-23*time.Hour)))
	n, err := b.GC()
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Len(t, b.Alerts(), 1)
	require.Equal(t, model.LabelValue("new"), b.Alerts()[0].Labels["asset"])
}

func TestTheJournalMayHoldAnything(t *testing.T) {
	for _, text := range []string{"{", "[]", `{"id":"x"}`, `"` + strings.Repeat("a", 1000)} {
		require.Error(t, New().Merge([]byte(text)), text)
	}
	require.NoError(t, New().Merge([]byte(`{"id":1,"to":[{"receiver":"duty"}]}`)), "its alert was told since")
}
