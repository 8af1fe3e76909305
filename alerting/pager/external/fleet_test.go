package external

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/telemetry/logged"
)

func TestWhatIsNotAcceptedIsTriedAgainAndEachHasItsOwnQueue(t *testing.T) {
	good, bad := newTaker(t), newTaker(t)
	answers := []func(w http.ResponseWriter){
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, // the connection breaks
		func(w http.ResponseWriter) {
			http.Error(w, "Client sent an HTTP request to an HTTPS server.", http.StatusBadRequest)
		},
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) },
	}
	bad.does(func(w http.ResponseWriter, _ *http.Request, _ models.PostableAlerts) bool {
		if len(answers) == 0 {
			return true
		}
		next := answers[0]
		answers = answers[1:]
		next(w)
		return false
	})
	s := start(t, good.URL, bad.URL)
	s.Send(firing("alertname", "A"), firing("alertname", "B"))
	eventually(t, func() bool { return len(good.taken()) == 2 }, "the one that works")
	s.Send(firing("alertname", "C"))
	eventually(t, func() bool { return len(good.taken()) == 3 && len(bad.taken()) == 3 }, "all alerts at both")
	require.ElementsMatch(t, []string{"A", "B", "C"}, bad.taken())
	require.Equal(t, 5, s.count("failed_attempts_total", bad.host()))
	eventually(t, func() bool { return s.count("alerts_sent_total", bad.host()) == 3 }, "the answer is counted after it has come")
	require.Zero(t, s.count("alerts_refused_total", bad.host()))
	require.Zero(t, s.count("failed_attempts_total", good.host()))
}

func TestOnlyTheNewestStateOfAnAlertIsKept(t *testing.T) {
	am := newTaker(t)
	s := start(t, am.URL)
	s.Send(firing("alertname", "Told"))
	eventually(t, func() bool { return len(am.taken()) == 1 }, "the first")

	listener := am.Listener.Addr().String()
	am.Close()
	s.Send(firing("alertname", "Told"))
	eventually(t, func() bool { return s.count("failed_attempts_total", am.host()) >= 2 }, "attempts that find nobody")
	for range 100 {
		s.Send(firing("alertname", "Told"), firing("alertname", "Brief"), firing("alertname", "Long"))
	}
	s.Send(resolved(firing("alertname", "Told")), resolved(firing("alertname", "Brief")))
	require.Equal(t, 2, s.senders[0].queue.length(), "nobody has heard of what was brief")

	again := &taker{Server: httptest.NewUnstartedServer(am.Config.Handler)}
	require.NoError(t, again.Listener.Close())
	eventually(t, func() (ok bool) {
		l, err := listen(listener)
		if err == nil {
			again.Listener = l
		}
		return err == nil
	}, "the port")
	again.Start()
	t.Cleanup(again.Close)
	eventually(t, func() bool { return len(am.taken()) == 3 }, "what is news")
	require.ElementsMatch(t, []string{"Told!", "Long"}, am.taken()[1:])
	s.Send(resolved(firing("alertname", "OfAnEarlierRun")))
	eventually(t, func() bool { return len(am.taken()) == 4 }, "the end of what an earlier process has told")
}

func TestAnAlertThatMayHaveBeenHeardIsEnded(t *testing.T) {
	am := newTaker(t)
	am.does(func(http.ResponseWriter, *http.Request, models.PostableAlerts) bool { panic(http.ErrAbortHandler) })
	s := start(t, am.URL)
	s.Send(firing("alertname", "Flood"))
	eventually(t, func() bool { return s.count("failed_attempts_total", am.host()) > 0 }, "an attempt without an answer")
	s.Send(resolved(firing("alertname", "Flood")))
	am.does(nil)
	eventually(t, func() bool { return len(am.taken()) == 1 }, "the end")
	require.Equal(t, []string{"Flood!"}, am.taken())
}

func TestCriticalAlertsGoFirst(t *testing.T) {
	am := newTaker(t)
	up := false
	am.does(func(w http.ResponseWriter, _ *http.Request, alerts models.PostableAlerts) bool {
		for _, a := range alerts {
			up = up || a.Labels["alertname"] == "C"
		}
		if !up {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return up
	})
	s := start(t, am.URL)
	for i := range 3 * batchSize {
		s.Send(firing("alertname", fmt.Sprint("W", i), "severity", "warning"))
	}
	s.Send(firing("alertname", "C", "severity", "critical"))
	eventually(t, func() bool { return len(am.taken()) == 3*batchSize+1 }, "all")
	require.Equal(t, "C", am.taken()[0])
}

// TestABadAlertDoesNotHoldUpOthers has a real Alertmanager, which refuses an alert that ends before it begins.
func TestABadAlertDoesNotHoldUpOthers(t *testing.T) {
	hook, _ := newHook(t)
	am := newAlertmanager(t, hook)
	s := start(t, "http://"+am.address)
	var all []*notifier.Alert
	for i := range 100 {
		all = append(all, firing("alertname", "Flood", "asset", fmt.Sprint(i)))
	}
	all[37].StartsAt = all[37].EndsAt.Add(time.Hour)
	s.Send(all...)
	eventually(t, func() bool { return s.queueIsEmpty() }, "all to be dealt with")
	require.Equal(t, 1, s.count("alerts_refused_total", am.address))
	var kept []any
	require.NoError(t, json.Unmarshal([]byte(am.get("/api/v2/alerts")), &kept))
	require.Len(t, kept, 99)
	require.Contains(t, s.log.String(), "start time must be before end time")
}

func (s *stand) queueIsEmpty() bool { return s.senders[0].queue.length() == 0 }

func TestTheAPIIsThatOfTheFirstThatAnswers(t *testing.T) {
	hook, told := newHook(t)
	gone, am, other := freePort(t), newAlertmanager(t, hook), newTaker(t)
	s := start(t, "http://"+gone, "http://"+am.address, other.URL)
	id := strings.TrimSpace(s.queryByAmtool(t, "silence", "add", "alertname=Quiet", "--comment=检修", "--author=李"))
	require.Contains(t, am.get("/api/v2/silences"), id)
	require.Contains(t, s.queryByAmtool(t, "config", "show"), "group_interval: 1s")
	s.queryByAmtool(t, "alert", "add", "Quiet")
	s.queryByAmtool(t, "alert", "add", "Loud")
	eventually(t, func() bool { return told("Loud") == 1 && len(other.taken()) == 2 }, "posted alerts to be at all of them")
	require.Zero(t, told("Quiet"))

	am.kill()
	seen := make(chan http.Header, 1)
	other.does(func(_ http.ResponseWriter, r *http.Request, _ models.PostableAlerts) bool {
		seen <- r.Header
		return true
	})
	eventually(t, func() bool { // what the one that was killed may have heard is not repeated
		r := httptest.NewRequest(http.MethodPost, "/api/v2/silences", strings.NewReader("[]"))
		r.Header.Set("Authorization", "Bearer bf_of_belfry")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w.Code == http.StatusOK
	}, "the next to answer")
	require.Empty(t, (<-seen).Get("Authorization"), "Belfry's tokens are no business of others")

	other.Close()
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodGet, "/api/v2/status", "", http.StatusBadGateway},
		{http.MethodPost, "/api/v2/alerts", `[{"labels": 1}]`, http.StatusBadRequest},
		{http.MethodPost, "/api/v2/alerts", `[null]`, http.StatusBadRequest},
		{http.MethodPost, "/api/v2/alerts", `[{"labels":{}}]`, http.StatusBadRequest},
		{http.MethodPost, "/api/v2/silences", strings.Repeat(" ", maxBody+1), http.StatusRequestEntityTooLarge},
		{http.MethodGet, "/elsewhere", "", http.StatusNotFound},
	} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(test.method, test.path, strings.NewReader(test.body)))
		require.Equal(t, test.status, w.Code, "%s %s", test.method, test.path)
	}
}

func TestCredentialsAndCertificates(t *testing.T) {
	asked := make(chan string, 100)
	am := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		asked <- r.URL.Path + " " + user + " " + password
	}))
	t.Cleanup(am.Close)
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: am.Certificate().Raw}), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pw"), []byte("filesecret\n"), 0o600))
	address := strings.Replace(am.URL, "https://", "https://belfry:urlsecret@", 1) + "/prefix/"
	list, err := targets(t, fmt.Sprintf(`
    - {url: %q, tls_config: {ca_file: %q}}
    - {url: %q, basic_auth: {username: belfry, password_file: %q}, tls_config: {ca_file: %q}}
    - %q
`, address, ca, am.URL, filepath.Join(dir, "pw"), ca, "http://u:gonesecret@"+freePort(t)))
	require.NoError(t, err)
	s := &stand{set: metrics.NewSet(), log: &logged.Text{}}
	s.Fleet, err = New(Options{Targets: list, Metrics: s.set, Logger: logTo(s.log)})
	require.NoError(t, err)
	s.Send(firing("alertname", "Flood"))
	require.ElementsMatch(t, []string{
		"/prefix/api/v2/alerts belfry urlsecret", "/api/v2/alerts belfry filesecret",
	}, []string{<-asked, <-asked})
	gone := list[2].Name
	eventually(t, func() bool { return s.count("failed_attempts_total", gone) > 0 }, "an attempt that fails")
	w := httptest.NewRecorder()
	s.senders = s.senders[2:]
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v2/status", nil))
	require.Equal(t, http.StatusBadGateway, w.Code)
	require.NoError(t, s.Stop(t.Context()))
	var shown bytes.Buffer
	s.set.WritePrometheus(&shown)
	require.Contains(t, shown.String(), `belfry_alertmanager_up{target="`+gone+`"} 0`)
	require.NotContains(t, shown.String()+s.log.String()+w.Body.String(), "secret")
}

func TestAStopGivesAwayWhatIsLeft(t *testing.T) {
	am := newTaker(t)
	s := start(t, am.URL, "http://"+freePort(t))
	for i := range 1000 {
		s.Send(firing("alertname", fmt.Sprint(i)))
	}
	require.NoError(t, s.Stop(t.Context()))
	require.NoError(t, s.Stop(t.Context()))
	require.Len(t, am.taken(), 1000)
}

func TestOneThatTakesNoAlertsIsToldOfByTheOthers(t *testing.T) {
	good, bad := newTaker(t), newTaker(t)
	bad.does(func(w http.ResponseWriter, _ *http.Request, _ models.PostableAlerts) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return false
	})
	list, err := targets(t, fmt.Sprintf("    - %s\n    - %s\n", bad.URL, good.URL))
	require.NoError(t, err)
	f, err := New(Options{Targets: list, Metrics: metrics.NewSet(), Logger: logTo(&logged.Text{}), failingAfter: time.Millisecond})
	require.NoError(t, err)
	f.Send(firing("alertname", "Flood"))
	eventually(t, func() bool { return len(good.taken()) == 2 }, "the alert at the other")
	bad.does(nil)
	eventually(t, func() bool { return len(good.taken()) == 3 }, "its end")
	require.Equal(t, []string{"Flood", "ReceiverFailing", "ReceiverFailing!"}, good.taken())
	require.NoError(t, f.Stop(t.Context()))
	require.Equal(t, []string{"Flood"}, bad.taken())
}

func TestAlertsAreInTheConfiguredLanguage(t *testing.T) {
	am := newTaker(t)
	list, err := targets(t, "    - "+am.URL+"\n")
	require.NoError(t, err)
	f, err := New(Options{Targets: list, Metrics: metrics.NewSet(), Logger: logTo(&logged.Text{}), Language: "zh-CN"})
	require.NoError(t, err)
	a := firing("alertname", "Flood")
	a.Annotations = labels.FromStrings("summary", "Flood", "summary_zh", "积水", "hazard_url", "http://127.0.0.1:9400/hazards/1")
	f.Send(a)
	require.NoError(t, f.Stop(t.Context()))
	require.Equal(t, models.LabelSet{
		"summary": "积水", "summary_en": "Flood", "summary_zh": "积水", "hazard_url": "http://127.0.0.1:9400/hazards/1",
	}, am.got[0][0].Annotations)
}
