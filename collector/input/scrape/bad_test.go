package scrape_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/tsdb"
	"github.com/belfry-city/belfry/internal/config/strict"
)

func TestABadTargetDoesNotHarmItsNeighbours(t *testing.T) {
	t.Parallel()
	good := serve(t, "good 1\n")
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat("endless 1\n", 1000))); err != nil {
				return
			}
		}
	}))
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(endless.Close)
	t.Cleanup(slow.Close)
	bad := map[string]string{
		"endless":  endless.Listener.Addr().String(),
		"slow":     slow.Listener.Addr().String(),
		"broken":   serve(t, "first 1\nsecond{a=\"b} 2\nthird 3\n").addr(),
		"binary":   serve(t, "\xff\xfe\x01\x00").addr(),
		"gbk":      serve(t, "a{b=\"\xc7\xf8\"} 1\n").addr(),
		"no_page":  serve(t, "<html><body>It works!</body></html>").addr(),
		"nobody":   "127.0.0.1:1",
		"too_long": serve(t, "x{a=\""+strings.Repeat("y", 2<<20)+"\"} 1\n").addr(),
	}
	entries := static("good", good.addr())
	for job, addr := range bad {
		// On a busy machine it takes a while until something is too long.
		entries += strings.Replace(static(job, addr), "200ms", "3s", 1)
	}
	s := start(t)
	s.apply(entries)
	want := map[string]string{`{job="good"}`: "1"}
	for job := range bad {
		want[fmt.Sprintf(`{job=%q}`, job)] = "0"
	}
	s.eventually(`sum by (job) (up)`, want)
	for job, says := range map[string]string{"endless": "body size limit exceeded", "broken": "expected", "slow": "deadline exceeded", "nobody": "refused"} {
		targets := s.Targets().TargetsActive()[job]
		require.Len(t, targets, 1)
		require.ErrorContains(t, targets[0].LastError(), says, job)
	}
	s.eventually(`{__name__=~"good|endless|first|second|third|a|x"}`, map[string]string{fmt.Sprintf(`{__name__="good", instance=%q, job="good"}`, good.addr()): "1"})
}

func TestASeriesThatIsThereTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	one := serve(t, "a 1\na 2\nb 3\n")
	s := start(t)
	s.apply(static("j", one.addr()))
	s.eventually(`{__name__=~"a|b"}`, map[string]string{
		fmt.Sprintf(`{__name__="a", instance=%q, job="j"}`, one.addr()): "1",
		fmt.Sprintf(`{__name__="b", instance=%q, job="j"}`, one.addr()): "3",
	})
	s.eventually(`up`, map[string]string{fmt.Sprintf(`{__name__="up", instance=%q, job="j"}`, one.addr()): "1"})
}

func TestTimesThatTheStoreDoesNotTakeAreCounted(t *testing.T) {
	t.Parallel()
	one := serve(t, fmt.Sprintf("old 1 %d\nnew 1 %d\nnow 1\n", time.Now().Add(-48*time.Hour).UnixMilli(), time.Now().Add(9*time.Minute).UnixMilli()))
	s := start(t)
	s.apply(static("j", one.addr()))
	s.eventually(`count(now)`, map[string]string{`{}`: "1"})
	require.Eventually(t, func() bool {
		return s.set.GetOrCreateCounter(`belfry_input_refused_total{input="scrape",reason="too_old"}`).Get() > 0
	}, patience, time.Millisecond)
	require.Empty(t, s.query("old"))
}

func TestScrapesFailVisiblyWhileThereIsNoRoom(t *testing.T) {
	t.Parallel()
	one := serve(t, "a 1\n")
	s := start(t)
	s.apply(static("j", one.addr()))
	s.eventually(`count(a)`, map[string]string{`{}`: "1"})
	s.free.Store(0)
	lastError := func() error { return s.Targets().TargetsActive()["j"][0].LastError() }
	require.Eventually(t, func() bool { return errors.Is(lastError(), tsdb.ErrDiskFull) }, patience, 10*time.Millisecond)
	require.NotZero(t, s.set.GetOrCreateCounter(`belfry_input_refused_total{input="scrape",reason="disk_full"}`).Get())
	s.free.Store(1 << 30)
	require.Eventually(t, func() bool { return lastError() == nil }, patience, 10*time.Millisecond)
	s.eventually(`count(a)`, map[string]string{`{}`: "1"})
}

func TestMistakesInEntriesAreFound(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.write("targets.json", "[]")
	for entry, want := range map[string]string{
		"- job_name: a\n  scrape_intervall: 1s":                                                     `4: inputs.scrape[0].scrape_intervall: unknown key; did you mean "scrape_interval"?`,
		"- job_name: a\n  kubernetes_sd_configs: [{role: pod}]":                                     "4: inputs.scrape[0].kubernetes_sd_configs: not available here; targets come from static_configs, file_sd_configs and http_sd_configs",
		"- static_configs: []":                                                                      "3: inputs.scrape[0]: want a job_name, which becomes the label job",
		"- job_name: a\n  honor_labels: maybe":                                                      `4: inputs.scrape[0].honor_labels: want true or false; got "maybe"`,
		"- job_name: a\n  sample_limit: [1]":                                                        "4: inputs.scrape[0].sample_limit: want a whole number; got a list",
		"- job_name: a\n  sample_limit: -1":                                                         `4: inputs.scrape[0].sample_limit: want a whole number; got "-1"`,
		"- job_name: a\n  scrape_interval: soon":                                                    `4: inputs.scrape[0].scrape_interval: want a duration such as 15s; got "soon"`,
		"- job_name: a\n  scrape_interval: 1s\n  scrape_timeout: 10s":                               "5: inputs.scrape[0].scrape_timeout: want at most the scrape_interval, which is 1s; got 10s",
		"- \"scrape_timeout\": 2m\n  job_name: a":                                                   "3: inputs.scrape[0].scrape_timeout: want at most the scrape_interval, which is 1m; got 2m",
		"- job_name: a\n  static_configs:\n    - targets: [\"x:1\"]\n    - targets: \"y:1\"":        "6: inputs.scrape[0].static_configs[1].targets: want a list; got \"y:1\"",
		"- job_name: a\n  static_configs:\n    - targets: [\"x:1\", \"http://y:1/m\"]":              "5: inputs.scrape[0].static_configs[0].targets[1]: want what Prometheus takes here; it says: \"http://y:1/m\" is not a valid hostname",
		"- job_name: a\n  relabel_configs:\n    - {action: replace, regex: \"(\", target_label: b}": "5: inputs.scrape[0].relabel_configs[0].regex: want what Prometheus takes here; it says: error parsing regexp",
		"- job_name: a\n  relabel_configs:\n    - {action: nonsense}":                               "5: inputs.scrape[0].relabel_configs[0].action: want what Prometheus takes here; it says: unknown relabel action",
		"- job_name: a\n  file_sd_configs:\n    - files: [targets.txt]":                             "5: inputs.scrape[0].file_sd_configs[0].files[0]: want what Prometheus takes here",
		"- job_name: a\n  http_sd_configs:\n    - url: ftp://x":                                     "5: inputs.scrape[0].http_sd_configs[0].url: want what Prometheus takes here; it says: URL scheme must be",
		"- job_name: a\n  tls_config: {ca_file: missing.pem}":                                       "4: inputs.scrape[0].tls_config.ca_file: want what Prometheus takes here; it says: unable to read CA cert",
		"- job_name: a\n  job_name: b":                                                              "4: inputs.scrape[0].job_name: want each key once; got it again",
		"- job_name: a\n- job_name: a":                                                              "4: inputs.scrape[1]: want a job_name of its own; inputs.scrape[0] is called \"a\" as well",
		"- nonsense":                                                                                `3: inputs.scrape[0]: want keys and values; got "nonsense"`,
		"- job_name: a\n  basic_auth: {username: u, password: geheim, password_file: x}":            "4: inputs.scrape[0].basic_auth.password: want what Prometheus takes here; it says: at most one of basic_auth password",
		"- job_name: a\n  scrape_protocols: [PrometheusText9]":                                      "4: inputs.scrape[0].scrape_protocols",
		"- &first\n  job_name: a\n  scrape_interval: never\n- {<<: *first, job_name: b}":            "5: inputs.scrape[0].scrape_interval: want a duration",
	} {
		_, err := s.jobs(entry)
		var problems strict.Problems
		require.ErrorAs(t, err, &problems, entry)
		require.True(t, strings.HasPrefix(problems[0].String(), s.dir+"/belfry.yml:"+want), "%s\nwant %s\n got %s", entry, want, problems[0])
		require.NotContains(t, err.Error(), "geheim")
	}
}

func TestAnEntryGetsDefaultsAndPathsOfItsFile(t *testing.T) {
	t.Parallel()
	s := start(t)
	jobs, err := s.jobs("- job_name: a\n  file_sd_configs:\n    - files: [\"t/*.yml\"]\n- job_name: b\n  body_size_limit: 5MB\n")
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, jobs[0].BodySizeLimit)
	require.EqualValues(t, 5<<20, jobs[1].BodySizeLimit)
	require.Contains(t, fmt.Sprintf("%+v", jobs[0].ServiceDiscoveryConfigs[0]), s.dir+"/t/*.yml")
}
