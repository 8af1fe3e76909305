package app

import (
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/alerting/pager/failing"
)

type sendTo func(...*notifier.Alert)

// Send implements hazard.Sender.
func (f sendTo) Send(alerts ...*notifier.Alert) { f(alerts...) }

// TestAReceiverThatFailedBeforeARestart starts where another Belfry ended while a receiver failed: the hazard ends with
// the first page that gets through.
func TestAReceiverThatFailedBeforeARestart(t *testing.T) {
	w := newWebhook(t)
	dir := withWebhook(t, w)
	before, err := hazard.Open(hazard.Options{
		Dir: filepath.Join(dir, "data", "hazards"), Reopen: time.Hour,
		Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(),
	})
	require.NoError(t, err)
	watch := failing.New(failing.Options{
		Patience: time.Millisecond,
		Raise: func(alerts ...*notifier.Alert) {
			before.Before(sendTo(func(...*notifier.Alert) {})).Send(alerts...)
		},
	})
	watch.Attempted(failing.Subject{Receiver: "ops", Integration: "webhook[0]"}, time.Now(), io.ErrUnexpectedEOF, false)
	var id string
	require.Eventually(t, func() bool {
		open, _, err := before.List(t.Context(), hazard.Query{Limit: 1})
		if err == nil && len(open) == 1 {
			id = open[0].ID
		}
		return id != ""
	}, time.Minute, time.Millisecond)
	watch.Close()
	require.NoError(t, before.Close())

	c := startChild(t, dir)
	require.Equal(t, hazard.StatusOpen, getHazard(t, c.url, id).Status)
	sendLine(t, c.url, "gas,asset=W1 ch4_lel_percent=60")
	require.Eventually(t, func() bool { return getHazard(t, c.url, id).Status == hazard.StatusResolved }, time.Minute, 10*time.Millisecond)
	h := getHazard(t, c.url, id)
	require.Equal(t, hazard.Cleared, h.Resolution)
	require.Zero(t, h.Reopened)
}
