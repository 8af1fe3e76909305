package pager

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/pager/journal/faultdisk"
)

func withDisk(d *faultdisk.Disk) func(*Options) { return func(o *Options) { o.disk = d } }

func TestSilencesSurviveKill(t *testing.T) {
	dir := t.TempDir()
	var kept, ended string
	for range 3 {
		c := startChild(t, dir, "")
		kept = c.silence(t, "asset", "well-17")
		c.kill() // the answer has just arrived

		c = startChild(t, dir, "")
		require.Equal(t, "active", c.silenceStates(t)[kept])
		ended = c.silence(t, "asset", "well-18")
		status, body := c.request(t, http.MethodDelete, "/api/v2/silence/"+ended, "")
		require.Equal(t, http.StatusOK, status, body)
		c.kill()
	}
	h := start(t, dir, nil)
	states := h.silenceStates(t)
	require.Len(t, states, 6)
	require.Equal(t, "active", states[kept])
	require.Equal(t, "expired", states[ended])
	h.Send(firing("alertname", "Gas", "severity", "critical", "asset", "well-17"))
	h.Send(firing("alertname", "Gas", "severity", "critical", "asset", "well-19"))
	eventually(t, func() bool {
		return h.pages.len() == 1 && h.upstreamMetric(t, "alertmanager_notifications_suppressed_total") == 1
	}, "one page out of two")
	require.Equal(t, "well-19", h.pages.all()[0].Asset)
}

const webhookOf = `
route: {receiver: team, group_by: [street], group_wait: 0s, group_interval: 50ms}
receivers: [{name: team, webhook_configs: [{url: %q}]}]
`

// TestKilledPagerDoesNotPageAgain kills the process while its second notification is on the wire: the first one's log
// entry must be on disk by then, and the second's cannot be.
func TestKilledPagerDoesNotPageAgain(t *testing.T) {
	team := newPagee(t)
	dir, config := t.TempDir(), configFile(t, webhookOf, team.URL)
	first := firing("alertname", "Flood", "street", "大坪街道", "asset", "underpass-1")
	second := firing("alertname", "Flood", "street", "大坪街道", "asset", "underpass-2")

	c := startChild(t, dir, config)
	c.post(t, first)
	eventually(t, func() bool { return team.got.len() == 1 }, "the first page")
	arrived, answer := team.hold()
	defer answer()
	c.post(t, second)
	<-arrived
	c.kill()
	answer()

	eventually(t, func() bool { return team.met.Load() == 2 }, "the webhook to be done with the dead")

	h := start(t, dir, withConfig(config))
	eventually(t, func() bool { return h.sent.len() == 1 }, "the second, whose answer never came back")
	h.Send(first, second)
	h.twoMoreFlushes(t)
	require.Equal(t, 1, h.sent.len(), "the first was told before the kill")
	require.Len(t, h.sent.all()[0].Pages, 1)
	require.Equal(t, "underpass-2", h.sent.all()[0].Pages[0].Asset)
}

func TestRestartPagesNotAgainAndTellsOfTheEnd(t *testing.T) {
	dir := t.TempDir()
	config := withConfig(configFile(t, `
route: {receiver: belfry-terminal, group_wait: 0s, group_interval: 50ms}
receivers: [{name: belfry-terminal}]
`))
	flood := firing("alertname", "Flood", "asset", "underpass-1")
	h := start(t, dir, config)
	h.Send(flood)
	eventually(t, func() bool { return h.pages.len() == 1 }, "the page")
	h.stop(t)

	h = start(t, dir, config)
	h.Send(flood)
	h.twoMoreFlushes(t)
	require.Zero(t, h.pages.len())
	h.Send(resolved(flood))
	eventually(t, func() bool { return h.pages.len() == 1 }, "the resolution")
	require.Equal(t, Resolved, h.pages.all()[0].Status)
}

func TestAnswerAboutASilenceWaitsForTheDisk(t *testing.T) {
	dir, disk := t.TempDir(), faultdisk.New()
	h := start(t, dir, withDisk(disk))
	release := disk.Hold()
	defer release()
	made := make(chan string, 1)
	go func() { made <- h.silence(t, "asset", "well-17") }()
	disk.AwaitHeld()
	for range 20 { // time enough for an answer that does not wait
		require.Len(t, h.silenceStates(t), 1)
	}
	require.Empty(t, made, "no answer before the sync")
	release()
	id := <-made

	again := start(t, dir, withDisk(disk.CutPower(0)))
	require.Equal(t, map[string]string{id: "active"}, again.silenceStates(t))
}

func TestNextNotificationWaitsForTheEntryOfTheLast(t *testing.T) {
	team := newPagee(t)
	disk := faultdisk.New()
	config := configFile(t, webhookOf, team.URL)
	h := start(t, t.TempDir(), func(o *Options) { o.ConfigFile, o.disk = config, disk })
	release := disk.Hold()
	defer release()
	h.Send(firing("alertname", "Flood", "street", "大坪街道"))
	disk.AwaitHeld() // the first is out, its entry is being synced
	h.Send(firing("alertname", "Flood", "street", "解放碑街道"))
	eventually(t, func() bool { return h.flushes(t) == 2 }, "the second to be due")
	for range 20 { // time enough for a notification that does not wait
		require.Empty(t, h.silenceStates(t))
	}
	require.Equal(t, 1, team.got.len())
	release()
	eventually(t, func() bool { return team.got.len() == 2 }, "the second")
	require.NotEmpty(t, h.sent.all()[0].GroupKey)

	entries, err := h.notifications.Query(
		nflog.QGroupKey(h.sent.all()[0].GroupKey),
		nflog.QReceiver(&nflogpb.Receiver{GroupName: "team", Integration: "webhook"}))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestFullDiskRefusesSilencesAndPagesGoOn(t *testing.T) {
	disk := faultdisk.New()
	h := start(t, t.TempDir(), withDisk(disk))
	disk.Fail(syscall.ENOSPC)

	large := strings.Replace(silenceOf("asset", "well-17"), "维修", strings.Repeat("维修", 20_000), 1)
	status, body := h.request(t, http.MethodPost, "/api/v2/silences", large)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "no space left")
	require.Empty(t, h.silenceStates(t), "what was refused is not in force")

	street := strings.Repeat("长", 30_000)
	for i := range 3 {
		h.Send(firing("alertname", "Gas"+street, "severity", "critical", "asset", fmt.Sprint("well-", i)))
	}
	eventually(t, func() bool { return h.pages.len() == 3 }, "pages")
	unwritable := h.set.GetOrCreateGauge(`belfry_pager_state_writable{state="nflog"}`, nil)
	eventually(t, func() bool { return unwritable.Get() == 0 }, "the fault to be measured")

	disk.Fail(nil)
	status, body = h.request(t, http.MethodPost, "/api/v2/silences", large)
	require.Equal(t, http.StatusOK, status, body)
	eventually(t, func() bool { return unwritable.Get() == 1 }, "the notification log to recover by itself")
}

func TestSilenceThatCouldNotBeKeptIsUndone(t *testing.T) {
	disk := faultdisk.New()
	h := start(t, t.TempDir(), withDisk(disk))
	id := h.silence(t, "asset", "well-17")
	longer := strings.Replace(silenceOf("asset", "well-17"), `{"matchers"`, fmt.Sprintf(`{"id":%q,"matchers"`, id), 1)
	ends := func() string {
		_, body := h.request(t, http.MethodGet, "/api/v2/silence/"+id, "")
		return body[strings.Index(body, `"endsAt"`):][:40]
	}
	before := ends()

	disk.Break(syscall.EIO)
	status, body := h.request(t, http.MethodPost, "/api/v2/silences", silenceOf("asset", "well-18"))
	require.Equal(t, http.StatusServiceUnavailable, status, body)
	for other, state := range h.silenceStates(t) {
		require.Equal(t, other == id, state == "active")
	}
	status, body = h.request(t, http.MethodPost, "/api/v2/silences", longer)
	require.Equal(t, http.StatusServiceUnavailable, status, body)
	require.Equal(t, before, ends())

	disk.Break(nil)
	status, body = h.request(t, http.MethodPost, "/api/v2/silences", silenceOf("asset", "well-18"))
	require.Equal(t, http.StatusOK, status, body)
}

func TestStoppedPagerAnswers503(t *testing.T) {
	h := start(t, t.TempDir(), nil)
	require.NoError(t, h.Stop(t.Context()))
	for _, path := range []string{"silences", "alerts", "status"} {
		status, _ := h.request(t, http.MethodGet, apiPrefix+path, "")
		require.Equal(t, http.StatusServiceUnavailable, status)
	}
	status, _ := h.request(t, http.MethodGet, "/elsewhere", "")
	require.Equal(t, http.StatusNotFound, status)
}

func TestSilenceThatIsTooLongOrWrongIsRefused(t *testing.T) {
	h := start(t, t.TempDir(), nil)
	status, _ := h.request(t, http.MethodPost, "/api/v2/silences", strings.Repeat(" ", maxSilence+1))
	require.Equal(t, http.StatusRequestEntityTooLarge, status)
	past := strings.ReplaceAll(silenceOf("a", "b"), time.Now().Format("2006"), "2001")
	status, _ = h.request(t, http.MethodPost, "/api/v2/silences", past)
	require.Equal(t, http.StatusBadRequest, status)
	status, _ = h.request(t, http.MethodDelete, "/api/v2/silence/8d9b4c26-45ad-4c2e-8a2c-3b8b0b3a6c11", "")
	require.Equal(t, http.StatusNotFound, status)
}
