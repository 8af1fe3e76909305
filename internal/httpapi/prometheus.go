package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"time"

	"github.com/prometheus/common/route"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/features"
	"github.com/prometheus/prometheus/util/notifications"
	v1 "github.com/prometheus/prometheus/web/api/v1"
)

// Store is what upstream's handler reads from.
type Store interface {
	storage.SampleAndChunkQueryable
	storage.ExemplarQueryable
	Stats(labelName string, limit int) (*tsdb.Stats, error)
	BlockMetas() ([]tsdb.BlockMeta, error)
	CheckRoom() error
	Failed() bool
}

// RulesRetriever is upstream's, for /api/v1/rules and /alerts.
type RulesRetriever = v1.RulesRetriever

// Targets is upstream's scraper, for /api/v1/targets, /metadata and the like.
type Targets interface {
	v1.ScrapePoolsRetriever
	v1.TargetRetriever
}

const (
	remoteReadSamples     = 50_000_000
	remoteReadConcurrency = 4
	remoteReadFrameBytes  = 1 << 20
	searchLimit           = 10_000
)

// newPrometheusAPI keeps upstream's constructor of over thirty arguments in
// this file.
func newPrometheusAPI(o Options) http.Handler {
	started := time.Now()
	external := &url.URL{Scheme: "http", Host: o.Listen}
	targets := o.Targets
	if targets == nil {
		targets = noTargets{}
	}
	api := v1.NewAPI(
		o.Engine, o.Store,
		nil, nil, // nothing is written through this API
		o.Store,
		func(context.Context) v1.ScrapePoolsRetriever { return targets },
		func(context.Context) v1.TargetRetriever { return targets },
		func(context.Context) v1.AlertmanagerRetriever { return noAlertmanagers{} },
		func() promconfig.Config { return promconfig.DefaultConfig },
		map[string]string{"web.listen-address": o.Listen, "query.lookback-delta": o.Lookback.String()},
		v1.GlobalURLOptions{ListenAddress: o.Listen, Host: external.Host, Scheme: external.Scheme},
		func(h http.HandlerFunc) http.HandlerFunc { return h },
		readOnlyStats{o.Store}, o.DBDir,
		false, // no admin API: deleting is not for whoever may read
		true, searchLimit,
		o.Logger,
		func(context.Context) v1.RulesRetriever { return o.Rules },
		remoteReadSamples, remoteReadConcurrency, remoteReadFrameBytes,
		false, // not an agent
		nil,   // no CORS
		func() (v1.RuntimeInfo, error) { return runtimeInfo(started), nil },
		&v1.PrometheusVersion{Version: upstreamVersion, GoVersion: runtime.Version()},
		func() []notifications.Notification { return nil },
		func() (<-chan notifications.Notification, func(), bool) { return nil, func() {}, false },
		o.Gatherer, o.Registerer,
		nil,
		false, nil, // remote write
		false, false, false, // OTLP
		false,
		o.Lookback,
		false, false,
		nil, features.NewRegistry(),
		v1.OpenAPIOptions{ExternalURL: external.String(), Version: upstreamVersion},
		nil,
	)
	r := route.New()
	api.Register(r)
	return r
}

// upstreamVersion is what clients such as Grafana decide by which features of
// the API they use.
const upstreamVersion = "3.15.0"

func runtimeInfo(started time.Time) v1.RuntimeInfo {
	host, _ := os.Hostname()
	return v1.RuntimeInfo{
		StartTime:           started,
		ServerTime:          time.Now(),
		Hostname:            host,
		ReloadConfigSuccess: true,
		GoroutineCount:      runtime.NumGoroutine(),
		GOMAXPROCS:          runtime.GOMAXPROCS(0),
	}
}

type noTargets struct{}

func (noTargets) ScrapePools() []string                       { return nil }
func (noTargets) TargetsActive() map[string][]*scrape.Target  { return nil }
func (noTargets) TargetsDropped() map[string][]*scrape.Target { return nil }
func (noTargets) TargetsDroppedCounts() map[string]int        { return nil }
func (noTargets) ScrapePoolConfig(string) (*promconfig.ScrapeConfig, error) {
	return nil, errors.New("nothing is scraped")
}

// noAlertmanagers is the answer to who receives alerts: the embedded one is no
// URL.
type noAlertmanagers struct{}

func (noAlertmanagers) Alertmanagers() []*url.URL        { return nil }
func (noAlertmanagers) DroppedAlertmanagers() []*url.URL { return nil }

type readOnlyStats struct{ Store }

var errReadOnly = errors.New("not available through this API")

func (readOnlyStats) CleanTombstones() error      { return errReadOnly }
func (readOnlyStats) Snapshot(string, bool) error { return errReadOnly }
func (readOnlyStats) Delete(context.Context, int64, int64, ...*labels.Matcher) error {
	return errReadOnly
}
func (readOnlyStats) WALReplayStatus() (tsdb.WALReplayStatus, error) {
	return tsdb.WALReplayStatus{}, nil
}
