package failing

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("down")

func TestWhoFailsForLongRaisesAnAlertThatEndsWithThat(t *testing.T) {
	raised := make(chan *notifier.Alert, 100)
	w := New(Options{
		Patience: 50 * time.Millisecond, Labels: labels.FromStrings("district", "yuzhong"),
		Raise: func(alerts ...*notifier.Alert) {
			for _, a := range alerts {
				raised <- a
			}
		},
	})
	defer w.Close()
	sms, once, mail, gone := Subject{"duty", "sms[0]"}, Subject{"duty", "chat[0]"}, Subject{"team", "email[0]"}, Subject{"old", "webhook[0]"}
	start := time.Now()
	w.Attempted(mail, start, errDown, true)
	w.Attempted(mail, start, nil, false)
	w.Attempted(once, start, errDown, true) // an attempt follows; until then it may be a whim
	w.Attempted(sms, start, errDown, true)
	w.Attempted(sms, time.Now(), errDown, true)
	a := <-raised
	who, ok := Of(a.Labels.Get)
	require.True(t, ok)
	require.Equal(t, sms, who)
	require.Equal(t, "yuzhong", a.Labels.Get("district"))
	require.False(t, a.Resolved())
	require.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)

	w.Attempted(sms, time.Now(), errDown, true) // is no news
	w.Attempted(gone, start, errDown, false)    // no attempt follows, so one is enough
	who, _ = Of((<-raised).Labels.Get)
	require.Equal(t, gone, who)

	w.Attempted(sms, time.Now(), nil, false)
	end := <-raised
	require.Equal(t, a.Labels, end.Labels)
	require.Equal(t, a.StartsAt, end.StartsAt)
	require.True(t, end.Resolved())
	w.Keep(map[Subject]bool{sms: true})
	end = <-raised
	who, _ = Of(end.Labels.Get)
	require.Equal(t, gone, who)
	require.True(t, end.Resolved())
	w.Close()
	require.Empty(t, raised)
}

func TestAnAlertIsSentAgainWhileItFires(t *testing.T) {
	w := &Watch{opts: Options{Logger: slog.New(slog.DiscardHandler), Patience: Patience}, subjects: map[Subject]*record{}, changed: make(chan struct{}, 1)}
	now := time.Now()
	s := Subject{"duty", "sms[0]"}
	w.Attempted(s, now, errDown, true)
	w.Attempted(s, now, errDown, true)
	alerts, next := w.look(now)
	require.Empty(t, alerts)
	require.Equal(t, Patience, next)
	first, _ := w.look(now.Add(Patience))
	require.Len(t, first, 1)
	none, next := w.look(now.Add(Patience + time.Second))
	require.Empty(t, none)
	require.Equal(t, resend-time.Second, next)
	second, _ := w.look(now.Add(Patience + resend))
	require.Len(t, second, 1)
	require.Equal(t, first[0].StartsAt, second[0].StartsAt)
	require.True(t, second[0].EndsAt.After(first[0].EndsAt))
}
