package inputs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sourcegraph/conc/pool"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/belfry-city/belfry/loadtest/bench/server"
)

// OTLPOptions say how many requests are sent, each of the given number of
// points.
type OTLPOptions struct {
	Connections, Requests, Points int
}

// OTLP sends the same points to fresh servers, as services with OpenTelemetry's
// SDK do, in protobuf, and counts afterwards what is stored. victoriametrics may
// be nil; dir must exist.
func OTLP(ctx context.Context, belfry, victoriametrics server.Product, dir string, o OTLPOptions) (rows []Row, err error) {
	for _, at := range []struct {
		server.Product
		path string
	}{{belfry, "/api/v1/otlp/v1/metrics"}, {victoriametrics, "/opentelemetry/v1/metrics"}} {
		if at.Product == nil {
			continue
		}
		row, err := otlpTo(ctx, at.Product, at.path, dir, o)
		if err != nil {
			return rows, fmt.Errorf("OTLP to %s: %w", at.Name(), err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func otlpTo(ctx context.Context, p server.Product, path, dir string, o OTLPOptions) (row Row, err error) {
	if dir, err = os.MkdirTemp(dir, "otlp-"); err != nil {
		return row, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := server.Start(ctx, p, dir)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, s.Kill()) }()
	before, err := s.Used()
	if err != nil {
		return row, err
	}
	times, began := newTimes(), time.Now()
	var mu sync.Mutex
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: o.Connections}}
	defer client.CloseIdleConnections()
	services := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	for n := range o.Connections {
		services.Go(func(ctx context.Context) error {
			own, err := newService(n, o.Points).send(ctx, client, s.URL()+path, o.Requests/o.Connections)
			mu.Lock()
			defer mu.Unlock()
			for _, took := range own {
				_ = times.RecordValue(took.Microseconds())
			}
			return err
		})
	}
	if err := services.Wait(); err != nil {
		return row, err
	}
	took := time.Since(began)
	after, err := s.Used()
	if err != nil {
		return row, err
	}
	row = measured(s.Name(), "OTLP", before, after, took, times)
	row.Messages = int64(o.Requests / o.Connections * o.Connections)
	row.Samples = row.Messages * int64(o.Points)
	return row, storedPoints(ctx, s, row.Samples)
}

// service is a program that reports the same metrics again and again.
type service struct {
	request pmetricotlp.ExportRequest
	points  []pmetric.NumberDataPoint
}

func newService(n, points int) *service {
	const metrics = 20
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "bench")
	rm.Resource().Attributes().PutStr("service.instance.id", fmt.Sprint(n))
	all := rm.ScopeMetrics().AppendEmpty().Metrics()
	s := &service{request: pmetricotlp.NewExportRequestFromMetrics(md)}
	for m := range metrics {
		gauge := all.AppendEmpty()
		gauge.SetName(fmt.Sprintf("city.metric.%d", m))
		list := gauge.SetEmptyGauge().DataPoints()
		for i := range points / metrics {
			p := list.AppendEmpty()
			p.Attributes().PutStr("asset", fmt.Sprintf("W%d", i))
			p.Attributes().PutStr("street", "jiefangbei")
			p.Attributes().PutInt("channel", int64(m)) // so that series differ without their names
			s.points = append(s.points, p)
		}
	}
	return s
}

// send sends requests one after the other, with times a second apart.
func (s *service) send(ctx context.Context, client *http.Client, url string, requests int) (took []time.Duration, err error) {
	first := time.Now().Add(-time.Duration(requests) * time.Second)
	for n := range requests {
		at := pcommon.NewTimestampFromTime(first.Add(time.Duration(n) * time.Second))
		for i, p := range s.points {
			p.SetTimestamp(at)
			p.SetDoubleValue(float64(n*i) / 8)
		}
		body, err := s.request.MarshalProto()
		if err != nil {
			return took, err
		}
		sent := time.Now()
		if err := postOTLP(ctx, client, url, body); err != nil {
			return took, err
		}
		took = append(took, time.Since(sent))
	}
	return took, nil
}

func postOTLP(ctx context.Context, client *http.Client, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %s: %.300s", resp.Status, text)
	}
	return err
}

// storedPoints insists that all points can be queried.
func storedPoints(ctx context.Context, s *server.Server, want int64) error {
	if err := s.Settle(ctx); err != nil {
		return err
	}
	text, err := s.Get(ctx, "/api/v1/query?query="+url.QueryEscape(`sum(count_over_time({asset=~"W.+"}[1d]))`))
	if err != nil {
		return err
	}
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	if len(answer.Data.Result) != 1 || answer.Data.Result[0].Value[1] != fmt.Sprint(want) {
		return fmt.Errorf("of %d points acknowledged there are stored: %s", want, text)
	}
	return nil
}
