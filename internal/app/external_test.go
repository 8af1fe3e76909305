package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestExternalAlertmanagersGetTheAlerts(t *testing.T) {
	type posted []struct{ Labels, Annotations map[string]string }
	got := make(chan string, 100)
	taker := func(name string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = w.Write([]byte(`"` + name + ` at ` + r.URL.Path + `"`))
				return
			}
			var alerts posted
			if json.NewDecoder(r.Body).Decode(&alerts) == nil {
				for _, a := range alerts {
					got <- name + " " + a.Labels["alertname"] + " " + a.Labels["asset"]
				}
			}
		}))
		t.Cleanup(s.Close)
		return s
	}
	one, two := taker("one"), taker("two")
	dir := t.TempDir()
	put(t, dir, "rules.yml", wakeful)
	r := run(t, dir, "rules: [DIR/rules.yml]\npager: {external: ["+one.URL+", "+two.URL+"/prefix]}\n")
	require.NoDirExists(t, dir+"/data/pager", "the embedded pager does not run")
	r.write(t, "gas,asset=W1 ch4_lel_percent=60")
	var names []string
	for range 2 {
		select {
		case name := <-got:
			names = append(names, name)
		case <-time.After(time.Minute):
			require.Fail(t, "no alert came")
		}
	}
	require.ElementsMatch(t, []string{"one Methane W1", "two Methane W1"}, names)
	_, text := r.do(t, http.MethodGet, "/api/v2/status", "")
	require.Equal(t, `"one at /api/v2/status"`, text)
	one.Close()
	_, text = r.do(t, http.MethodGet, "/api/v2/status", "")
	require.Equal(t, `"two at /prefix/api/v2/status"`, text)
	_, text = r.do(t, http.MethodGet, "/metrics", "")
	require.Contains(t, text, `belfry_alertmanager_alerts_sent_total{target="`+two.Listener.Addr().String()+`/prefix"} 1`)
	require.Eventually(t, func() bool {
		_, text = r.do(t, http.MethodGet, "/api/belfry/v1/hazards", "")
		return strings.Contains(text, `{"receiver":"`+two.Listener.Addr().String()+`/prefix","integration":"alertmanager"`)
	}, time.Minute, 10*time.Millisecond, "who took it stands in the hazard")
	status, _ := r.do(t, http.MethodPost, "/-/reload", "")
	require.Equal(t, http.StatusOK, status)
}
