package external

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestQueue compares what an Alertmanager that fails now and then knows in the end with what is.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q, now := newQueue(), time.Now()
		is, thinks := map[string]bool{}, map[string]bool{} // whether an alert fires
		send := func(outcome string) {
			batch := q.batch(3)
			if len(batch) == 0 {
				return
			}
			for i, a := range batch[1:] {
				require.False(t, a.Labels.Get("severity") == "critical" && batch[i].Labels.Get("severity") != "critical", "critical alerts go first")
			}
			if outcome != "unheard" {
				for _, a := range batch {
					thinks[a.Name()] = !a.ResolvedAt(now)
				}
			}
			if outcome == "accepted" {
				q.accepted(batch, now)
			} else {
				q.failed(batch, outcome == "lost", now)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"change": func(t *rapid.T) {
				n := rapid.IntRange(0, 4).Draw(t, "alert")
				a := firing("alertname", fmt.Sprint(n), "severity", []string{"critical", "warning"}[n%2])
				is[a.Name()] = rapid.Bool().Draw(t, "fires")
				if !is[a.Name()] {
					a.EndsAt = now
				}
				q.put([]*notifier.Alert{a}, now)
			},
			"send": func(t *rapid.T) {
				send(rapid.SampledFrom([]string{"accepted", "lost", "unheard"}).Draw(t, "outcome"))
			},
			"": func(t *rapid.T) { require.LessOrEqual(t, q.length(), 5) },
		})
		for q.length() > 0 {
			send("accepted")
		}
		for name, fires := range is {
			require.Equal(t, fires, thinks[name], name)
		}
	})
}
