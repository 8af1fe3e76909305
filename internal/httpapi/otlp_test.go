package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/belfry-city/belfry/collector/input/otlp"
	"github.com/belfry-city/belfry/collector/tsdb"
)

func withOTLP(t *testing.T, change ...func(*otlp.Options)) func(*Options) {
	t.Helper()
	return func(o *Options) {
		oo := otlp.Options{Late: 24 * time.Hour, Early: 10 * time.Minute, MaxBody: o.MaxBody, MaxPoint: o.MaxLine}
		for _, c := range change {
			c(&oo)
		}
		d, err := otlp.New(oo)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		o.OTLP = func() *otlp.Decoder { return d }
	}
}

const otlpPath = "/api/v1/otlp/v1/metrics"

// service is a program with OpenTelemetry's SDK.
func service(t *testing.T, b *belfry, options ...otlpmetrichttp.Option) *sdk.MeterProvider {
	t.Helper()
	exporter, err := otlpmetrichttp.New(t.Context(), append([]otlpmetrichttp.Option{
		otlpmetrichttp.WithEndpointURL(b.URL + otlpPath), otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression),
	}, options...)...)
	require.NoError(t, err)
	res := resource.NewSchemaless(
		attribute.String("service.name", "gateway"), attribute.String("service.instance.id", "g-1"),
		attribute.String("service.version", "1.2"), attribute.String("station", "菜园坝"))
	exponential := sdk.NewView(sdk.Instrument{Name: "stay.native"}, sdk.Stream{Aggregation: sdk.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}})
	renamed := sdk.NewView(sdk.Instrument{Name: "internal.name"}, sdk.Stream{Name: "shown.name", AttributeFilter: attribute.NewAllowKeysFilter("asset")})
	p := sdk.NewMeterProvider(sdk.WithResource(res), sdk.WithReader(sdk.NewPeriodicReader(exporter, sdk.WithInterval(time.Hour))), sdk.WithView(exponential, renamed))
	t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return p
}

func TestWhatTheSDKOfOpenTelemetrySendsCanBeQueried(t *testing.T) {
	b := start(t, withOTLP(t))
	p := service(t, b)
	meter := p.Meter("city")
	asset := metric.WithAttributes(attribute.String("asset", "G1"), attribute.Bool("indoor", true))

	cars, err := meter.Int64Counter("cars", metric.WithUnit("{car}"), metric.WithDescription("Cars seen"))
	require.NoError(t, err)
	level, err := meter.Float64Gauge("well.level", metric.WithUnit("m"))
	require.NoError(t, err)
	queue, err := meter.Int64UpDownCounter("queue")
	require.NoError(t, err)
	_, err = meter.Float64ObservableGauge("temperature", metric.WithUnit("Cel"), metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
		o.Observe(21.5, asset)
		return nil
	}))
	require.NoError(t, err)
	stay, err := meter.Float64Histogram("stay", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(1, 10))
	require.NoError(t, err)
	native, err := meter.Float64Histogram("stay.native", metric.WithUnit("s"))
	require.NoError(t, err)
	shown, err := meter.Int64Counter("internal.name")
	require.NoError(t, err)

	sampled := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4, 5}, TraceFlags: trace.FlagsSampled,
	}))
	cars.Add(sampled, 3, asset)
	level.Record(t.Context(), 1.25, asset)
	queue.Add(t.Context(), -2)
	for _, seconds := range []float64{0.5, 5, 50} {
		stay.Record(sampled, seconds)
		native.Record(t.Context(), seconds)
	}
	shown.Add(t.Context(), 1, asset)
	require.NoError(t, p.ForceFlush(t.Context()))

	const g = `{"__name__":"%s","asset":"G1","indoor":"true","instance":"g-1","job":"gateway"}`
	for query, want := range map[string]map[string]string{
		`cars_total`:          {fmt.Sprintf(g, "cars_total"): "3"},
		`well_level_meters`:   {fmt.Sprintf(g, "well_level_meters"): "1.25"},
		`temperature_celsius`: {fmt.Sprintf(g, "temperature_celsius"): "21.5"},
		`queue`:               {`{"__name__":"queue","instance":"g-1","job":"gateway"}`: "-2"},
		`sum by (le) (stay_seconds_bucket)`: {
			`{"le":"1"}`: "1", `{"le":"10"}`: "2", `{"le":"+Inf"}`: "3"},
		`stay_seconds_sum`:                                    {`{"__name__":"stay_seconds_sum","instance":"g-1","job":"gateway"}`: "55.5"},
		`histogram_count(stay_native_seconds)`:                {`{"instance":"g-1","job":"gateway"}`: "3"},
		`histogram_sum(stay_native_seconds)`:                  {`{"instance":"g-1","job":"gateway"}`: "55.5"},
		`round(histogram_quantile(0.5, stay_native_seconds))`: {`{"instance":"g-1","job":"gateway"}`: "5"},
		`shown_name_total`:                                    {`{"__name__":"shown_name_total","asset":"G1","instance":"g-1","job":"gateway"}`: "1"},
		`target_info`:                                         {`{"__name__":"target_info","instance":"g-1","job":"gateway","service_version":"1.2","station":"菜园坝"}`: "1"},
	} {
		require.Equal(t, want, b.query(t, query), query)
	}
	resp, answer := b.send(t, http.MethodGet, "/api/v1/query_exemplars?query=cars_total&start=0&end=9999999999", nil)
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, answer, `"trace_id":"01020300000000000000000000000000"`)
}

// lastError gathers what the SDK complains about.
type lastError struct {
	mu   sync.Mutex
	text []string
}

func (l *lastError) Handle(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, err.Error())
}

func TestAServiceThatSendsDeltasIsToldSoWhileItsOtherMetricsAreStored(t *testing.T) {
	said := &lastError{}
	otel.SetErrorHandler(said)
	b := start(t, withOTLP(t))
	delta := otlpmetrichttp.WithTemporalitySelector(func(k sdk.InstrumentKind) metricdata.Temporality {
		if k == sdk.InstrumentKindCounter {
			return metricdata.DeltaTemporality
		}
		return metricdata.CumulativeTemporality
	})
	p := service(t, b, delta)
	cars, err := p.Meter("city").Int64Counter("cars")
	require.NoError(t, err)
	level, err := p.Meter("city").Float64Gauge("level")
	require.NoError(t, err)
	cars.Add(t.Context(), 3)
	level.Record(t.Context(), 2)
	if err := p.ForceFlush(t.Context()); err != nil {
		said.Handle(err)
	}
	require.Len(t, b.query(t, "level"), 1)
	require.Empty(t, b.query(t, "cars_total"))
	require.Contains(t, strings.Join(said.text, "\n"), "deltas are refused here; have the sender use cumulative temporality")
	require.EqualValues(t, 1, b.counter(`belfry_input_refused_total{input="otlp",reason="unsupported"}`))
}

func TestDeltasOfTheSDKAreSummedUpWhereThatIsAskedFor(t *testing.T) {
	b := start(t, withOTLP(t, func(o *otlp.Options) { o.Cumulate = true }))
	p := service(t, b, otlpmetrichttp.WithTemporalitySelector(sdk.DeltaTemporalitySelector))
	cars, err := p.Meter("city").Int64Counter("cars")
	require.NoError(t, err)
	native, err := p.Meter("city").Float64Histogram("stay.native")
	require.NoError(t, err)
	for range 3 {
		cars.Add(t.Context(), 2)
		native.Record(t.Context(), 4)
		require.NoError(t, p.ForceFlush(t.Context()))
		// The store keeps milliseconds, and the next values are of another.
		sent := time.Now().UnixMilli()
		require.Eventually(t, func() bool { return time.Now().UnixMilli() > sent }, time.Minute, time.Millisecond)
	}
	require.Equal(t, map[string]string{`{}`: "6"}, b.query(t, "sum(cars_total)"))
	require.Equal(t, map[string]string{`{}`: "3"}, b.query(t, "histogram_count(sum(stay_native))"))
}

// point is a request in JSON with one point, of the time given, and value.
func point(name string, at time.Time, value string) string {
	return fmt.Sprintf(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":%q,"gauge":{"dataPoints":[{"timeUnixNano":"%d","asDouble":%s}]}}]}]}]}`, name, at.UnixNano(), value)
}

func TestOTLPAnswersAsTheProtocolWantsIt(t *testing.T) {
	b := start(t, func(o *Options) { o.MaxBody = 1 << 20 }, withOTLP(t))
	now := time.Now()
	request := pmetricotlp.NewExportRequest()
	require.NoError(t, request.UnmarshalJSON([]byte(point("binary", now, "1"))))
	binary, err := request.MarshalProto()
	require.NoError(t, err)
	const js, pb = "application/json", "application/x-protobuf"

	resp, body := b.post(t, otlpPath, strings.NewReader(point("text", now, "1")), "Content-Type", js+"; charset=utf-8")
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, js, resp.Header.Get("Content-Type"))
	require.JSONEq(t, `{}`, body, "partial_success must not be set when all is stored")
	resp, body = b.post(t, otlpPath, bytes.NewReader(binary), "Content-Type", pb)
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, pb, resp.Header.Get("Content-Type"))
	require.Empty(t, body, "a message of which no field is set")
	require.Len(t, b.query(t, `{__name__=~"text|binary"}`), 2)

	resp, body = b.post(t, otlpPath, bytes.NewReader(zipped(t, point("text", now, "2"))), "Content-Type", js, "Content-Encoding", "gzip")
	require.Equal(t, 200, resp.StatusCode, "with a part refused it is a success too")
	var partial struct {
		PartialSuccess struct{ RejectedDataPoints, ErrorMessage string }
	}
	require.NoError(t, json.Unmarshal([]byte(body), &partial))
	require.Equal(t, "1", partial.PartialSuccess.RejectedDataPoints)
	require.Contains(t, partial.PartialSuccess.ErrorMessage, "point 1: conflict: field \"text\" has another value stored")

	for story, c := range map[string]struct {
		method, kind, encoding, body string
		status                       int
		code                         int32
		want                         string
	}{
		"broken protobuf":  {"POST", pb, "", string(binary[:10]), 400, 3, "want a message of OTLP in protobuf"},
		"broken JSON":      {"POST", js, "", `{"resourceMetrics":[{`, 400, 3, "want a message of OTLP in JSON"},
		"another type":     {"POST", "text/plain", "", "x", 415, 3, "want application/x-protobuf or application/json"},
		"no type":          {"POST", "", "", "x", 415, 3, "Content-Type"},
		"another encoding": {"POST", pb, "br", "x", 415, 3, "Content-Encoding"},
		"broken gzip":      {"POST", pb, "gzip", "x", 400, 3, "gzip"},
		"a gzip bomb":      {"POST", pb, "gzip", string(zipped(t, strings.Repeat("0", 8<<20))), 413, 8, "larger than"},
		"too many points":  {"POST", js, "", `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[` + strings.Repeat("{},", 200_000) + `{}]}}]}]}]}`, 413, 8, "would not fit into memory"},
		"by GET":           {"GET", pb, "", "", 405, 12, "posted"},
	} {
		t.Run(story, func(t *testing.T) {
			header := []string{}
			if c.kind != "" {
				header = append(header, "Content-Type", c.kind)
			}
			if c.encoding != "" {
				header = append(header, "Content-Encoding", c.encoding)
			}
			resp, body := b.send(t, c.method, otlpPath, strings.NewReader(c.body), header...)
			require.Equal(t, c.status, resp.StatusCode, body)
			var status spb.Status
			if c.kind == pb {
				require.Equal(t, pb, resp.Header.Get("Content-Type"))
				require.NoError(t, proto.Unmarshal([]byte(body), &status))
			} else {
				require.NoError(t, json.Unmarshal([]byte(body), &status))
			}
			require.Equal(t, c.code, status.GetCode())
			require.Contains(t, status.GetMessage(), c.want)
		})
	}
	require.NotZero(t, b.counter(`belfry_input_refused_total{input="otlp",reason="syntax"}`))
	require.NotZero(t, b.counter(`belfry_input_refused_total{input="otlp",reason="body_too_large"}`))
	require.EqualValues(t, 2, b.counter(`belfry_samples_total{input="otlp"}`))
}

func TestOTLPIsAskedToComeAgainWhileNothingCanBeStored(t *testing.T) {
	room := make(chan int64, 1)
	free := int64(0)
	b := startWith(t, tsdb.Options{Dir: t.TempDir(), DiskReserve: 1 << 20, FreeBytes: func(string) (int64, int64, error) {
		select {
		case free = <-room:
		default:
		}
		return free, 1 << 30, nil
	}}, withOTLP(t))
	resp, body := b.post(t, otlpPath, strings.NewReader(point("a", time.Now(), "1")), "Content-Type", "application/json")
	require.Equal(t, 503, resp.StatusCode)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	require.Contains(t, body, `"code":14`)

	// The SDK comes again by itself, until there is room.
	p := service(t, b, otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: true, InitialInterval: 10 * time.Millisecond, MaxInterval: 50 * time.Millisecond, MaxElapsedTime: time.Minute}))
	level, err := p.Meter("city").Float64Gauge("level")
	require.NoError(t, err)
	level.Record(t.Context(), 2)
	flushed := make(chan error, 1)
	go func() { flushed <- p.ForceFlush(context.Background()) }()
	require.Eventually(t, func() bool {
		return b.counter(`belfry_input_refused_total{input="otlp",reason="disk_full"}`) >= 2
	}, time.Minute, time.Millisecond)
	room <- 1 << 30
	require.NoError(t, <-flushed)
	require.Len(t, b.query(t, "level"), 1)
}

func TestABodyThatNeverArrivesIsNoMistakeOfTheClients(t *testing.T) {
	b := start(t, withOTLP(t), func(o *Options) { o.BodyTime = 50 * time.Millisecond })
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	resp, body := b.post(t, otlpPath, r, "Content-Type", "application/json")
	require.Equal(t, 503, resp.StatusCode, "which clients answer with the same request")
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	require.Contains(t, body, "did not arrive in time")
}
