package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus"
	httpconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
	"github.com/stretchr/testify/require"
)

// upstreamSender is the part of a Prometheus 3 that sends: its database, and its
// remote storage that reads the database's log and speaks version 2.
type upstreamSender struct {
	db     *tsdb.DB
	series []labels.Labels
	at     int64
}

func newUpstreamSender(t *testing.T, addr string) *upstreamSender {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	opts := tsdb.DefaultOptions()
	opts.EnableExemplarStorage, opts.MaxExemplars = true, 10_000
	db, err := tsdb.Open(dir, logger, nil, opts, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })

	to, err := url.Parse("http://" + addr + "/api/v1/write")
	require.NoError(t, err)
	c := promconfig.DefaultRemoteWriteConfig
	c.URL, c.ProtobufMessage = &httpconfig.URL{URL: to}, remoteapi.WriteV2MessageType
	c.SendExemplars, c.SendNativeHistograms = true, true
	c.QueueConfig.BatchSendDeadline, c.QueueConfig.MaxBackoff = model.Duration(100*time.Millisecond), model.Duration(200*time.Millisecond)
	c.MetadataConfig.Send = false
	sender := remote.NewStorage(logger, prometheus.NewRegistry(), db.StartTime, dir, time.Second, nil, false)
	require.NoError(t, sender.ApplyConfig(&promconfig.Config{RemoteWriteConfigs: []*promconfig.RemoteWriteConfig{&c}}))
	db.SetWriteNotified(sender)
	t.Cleanup(func() { require.NoError(t, sender.Close()) })
	s := &upstreamSender{db: db, at: time.Now().UnixMilli()}
	for i := range 20 {
		s.series = append(s.series, labels.FromStrings("__name__", "reading", "asset", fmt.Sprint("井", i), "with.dots", "x"))
	}
	return s
}

// scrape appends what one scrape would find.
func (s *upstreamSender) scrape(t *testing.T, n int, gone bool) {
	t.Helper()
	stale := math.Float64frombits(value.StaleNaN)
	s.at = max(s.at+1, time.Now().UnixMilli())
	app := s.db.Appender(t.Context())
	for i, ls := range s.series {
		v := float64(n*i) / 3
		if gone {
			v = stale
		}
		ref, err := app.Append(0, ls, s.at, v)
		require.NoError(t, err)
		if i == 0 && !gone {
			_, err = app.AppendExemplar(ref, ls, exemplar.Exemplar{Labels: labels.FromStrings("trace_id", fmt.Sprint(n)), Value: v, Ts: s.at, HasTs: true})
			require.NoError(t, err)
		}
	}
	h, fh := tsdbutil.GenerateTestHistogram(int64(n)), tsdbutil.GenerateTestFloatHistogram(int64(n))
	custom, customFloat := tsdbutil.GenerateTestCustomBucketsHistogram(int64(n)), tsdbutil.GenerateTestCustomBucketsFloatHistogram(int64(n))
	if gone {
		h, fh = &histogram.Histogram{Sum: stale}, &histogram.FloatHistogram{Sum: stale}
		custom, customFloat = &histogram.Histogram{Sum: stale}, &histogram.FloatHistogram{Sum: stale}
	}
	for name, x := range map[string]struct {
		h  *histogram.Histogram
		fh *histogram.FloatHistogram
	}{"stay_integer": {h, nil}, "stay_float": {nil, fh}, "stay_custom": {custom, nil}, "stay_custom_float": {nil, customFloat}} {
		_, err := app.AppendHistogram(0, labels.FromStrings("__name__", name), s.at, x.h, x.fh)
		require.NoError(t, err)
	}
	require.NoError(t, app.Commit())
}

// contents are all samples of a database, staleness markers too, worded.
func contents(t *testing.T, db *tsdb.DB) map[string][]string {
	t.Helper()
	q, err := db.Querier(math.MinInt64, math.MaxInt64)
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	all := map[string][]string{}
	set := q.Select(context.Background(), true, nil, labels.MustNewMatcher(labels.MatchRegexp, "__name__", "reading|stay_.*"))
	for set.Next() {
		name := set.At().Labels().String()
		it := set.At().Iterator(nil)
		for typ := it.Next(); typ != chunkenc.ValNone; typ = it.Next() {
			switch typ {
			case chunkenc.ValFloat:
				at, v := it.At()
				all[name] = append(all[name], fmt.Sprintf("%d %x", at, math.Float64bits(v)))
			case chunkenc.ValHistogram:
				at, h := it.AtHistogram(nil)
				all[name] = append(all[name], fmt.Sprintf("%d %x %s", at, math.Float64bits(h.Sum), h))
			case chunkenc.ValFloatHistogram:
				at, h := it.AtFloatHistogram(nil)
				all[name] = append(all[name], fmt.Sprintf("%d %x %s", at, math.Float64bits(h.Sum), h))
			}
		}
		require.NoError(t, it.Err())
	}
	require.NoError(t, set.Err())
	return all
}

// TestVersion2ArrivesUnchangedWhileBelfryIsKilled sends by upstream's own code.
func TestVersion2ArrivesUnchangedWhileBelfryIsKilled(t *testing.T) {
	k := newKillable(t, "rules: []\n")
	k.start(t)
	s := newUpstreamSender(t, k.addr)
	const query = `reading{asset="井0"}[1h]`
	n := 0
	for range 2 {
		before := len(k.values(t, query))
		require.Eventually(t, func() bool {
			n++
			s.scrape(t, n, false)
			return len(k.values(t, query)) > before+10
		}, time.Minute, 20*time.Millisecond)
		k.child.end(t, syscall.SIGKILL)
		for range 20 { // Belfry is not there
			n++
			s.scrape(t, n, false)
		}
		k.start(t)
	}
	s.scrape(t, n+1, true)
	require.Eventually(t, func() bool {
		return len(askRange(t, k.addr, `reading{asset="井0"}`, time.Now().Add(time.Second)).Data.Result) == 0
	}, time.Minute, 20*time.Millisecond, "the staleness marker is the last to arrive")
	require.Eventually(t, func() bool { return len(k.values(t, query)) == n }, time.Minute, 20*time.Millisecond)
	var traces struct {
		Data []struct {
			Exemplars []struct{ Labels map[string]string }
		}
	}
	getJSON(t, "http://"+k.addr+"/api/v1/query_exemplars?query=reading&start=0&end=9999999999", &traces)
	require.Len(t, traces.Data, 1)
	require.Len(t, traces.Data[0].Exemplars, n)
	resp, err := http.Get("http://" + k.addr + "/metrics")
	require.NoError(t, err)
	metrics, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.NotContains(t, string(metrics), `belfry_input_refused_total{input="remotewrite"`, "what is sent again is a duplicate and no conflict")
	k.child.end(t, syscall.SIGTERM)

	opts := tsdb.DefaultOptions()
	opts.OutOfOrderTimeWindow = time.Hour.Milliseconds()
	stored, err := tsdb.Open(filepath.Join(k.dir, "data", "tsdb"), slog.New(slog.DiscardHandler), nil, opts, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, stored.Close()) }()
	want := contents(t, s.db)
	require.Len(t, want, 24)
	require.Equal(t, want, contents(t, stored))
	for series, samples := range want {
		require.Len(t, samples, n+1, series)
		require.True(t, strings.Contains(samples[n], "7ff0000000000002"), "the staleness marker")
	}
}
