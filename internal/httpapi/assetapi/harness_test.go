package assetapi

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/metric"
	"github.com/belfry-city/belfry/collector/tsdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a city behind a real listener: a catalog, a database, hazards.
type site struct {
	*httptest.Server
	store   *tsdb.Store
	hazards *hazard.Store
	set     *metrics.Set
	catalog atomic.Pointer[catalog.Catalog]
	handler *Handler
}

const city = `id,domain,kind,name,name_zh,district,street,community,team,lat,lon,threshold.gas_ch4_lel_percent.above.critical,threshold.gas_ch4_lel_percent.above.warning
W1,gas,septic_tank,Jiefangbei tank 1,解放碑1号化粪池,Yuzhong,Jiefangbei,Minsheng,sanitation,29.55,106.57,50,20
W2,gas,gas_well,Jiefangbei well 2,解放碑2号井,Yuzhong,Jiefangbei,Minsheng,municipal,29.56,106.58,,
B1,bridge,girder,East bridge,东水门大桥,Yuzhong,Chaotianmen,,municipal,,,,
B2,bridge,girder,Qiansimen bridge,千厮门大桥,Nan'an,Chaotianmen,,municipal,,,,
a/b 1,parking,bay,Bay,泊位,Yuzhong,Jiefangbei,,urban_management,,,,
`

type nobody struct{}

func (nobody) Send(...*notifier.Alert) {}

func begin(t testing.TB, assets string) *site {
	t.Helper()
	s := &site{set: metrics.NewSet()}
	c, err := catalog.Parse("city.csv", []byte(assets))
	require.NoError(t, err)
	s.catalog.Store(c)
	logger := slog.New(slog.DiscardHandler)
	s.store, err = tsdb.Open(tsdb.Options{Dir: t.TempDir(), Logger: logger, Metrics: s.set, NoSync: true})
	require.NoError(t, err)
	s.hazards, err = hazard.Open(hazard.Options{Dir: t.TempDir(), Reopen: time.Hour, Logger: logger, Metrics: s.set, NoSync: true})
	require.NoError(t, err)
	s.handler, err = New(Options{Catalog: s.catalog.Load, Hazards: s.hazards, Store: s.store, Metrics: metric.NewTable()})
	require.NoError(t, err)
	mux := http.NewServeMux()
	s.handler.Routes(mux.Handle)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.Close()
		http.DefaultClient.CloseIdleConnections()
		require.NoError(t, s.hazards.Close())
		require.NoError(t, s.store.Close())
	})
	return s
}

// write stores a value of a series, given as name, and names and values of labels.
func (s *site) write(t testing.TB, at time.Time, v float64, name string, more ...string) {
	t.Helper()
	app := s.store.Appender(t.Context())
	_, err := app.Append(0, labels.FromStrings(append([]string{"__name__", name}, more...)...), at.UnixMilli(), v)
	require.NoError(t, err)
	require.NoError(t, app.Commit())
}

func (s *site) raise(t testing.TB, rule, severity string, assets ...string) {
	t.Helper()
	s.send(t, rule, severity, time.Time{}, assets...)
}

func (s *site) send(t testing.TB, rule, severity string, ends time.Time, assets ...string) {
	t.Helper()
	for _, asset := range assets {
		s.hazards.Before(nobody{}).Send(&notifier.Alert{
			Labels:   labels.FromStrings("alertname", rule, "asset", asset, "severity", severity),
			StartsAt: time.Now().Add(-time.Minute), EndsAt: ends,
		})
	}
	s.settle(t)
}

func (s *site) settle(t testing.TB) {
	t.Helper()
	waiting := s.set.GetOrCreateGauge(`belfry_hazard_events_waiting`, nil)
	require.Eventually(t, func() bool { return waiting.Get() == 0 }, time.Minute, time.Millisecond)
}

type reply struct {
	listed
	shown
	Error string
}

func (s *site) get(t testing.TB, path string) (int, reply) {
	t.Helper()
	resp, err := http.Get(s.URL + "/api/belfry/v1/assets" + path)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var a reply
	require.NoError(t, json.Unmarshal(text, &a), string(text))
	return resp.StatusCode, a
}

// ids are those that a question finds, with their states.
func (s *site) ids(t testing.TB, query string) (ids []string) {
	t.Helper()
	status, a := s.get(t, query)
	require.Equal(t, 200, status, a.Error)
	for _, one := range a.Assets {
		ids = append(ids, fmt.Sprint(one.Asset, " ", one.State))
	}
	return ids
}
