package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

const (
	// influxVersion is what clients decide by whether they can talk to us.
	influxVersion = "1.8.10"
	// partSamples is how many samples of a request are parsed and appended at a
	// time. A part is small enough for the processors' cache.
	partSamples = 8192
)

// influxWriter serves the write endpoints of InfluxDB 1 and 2.
type influxWriter struct {
	*writeDoor
	parsers sync.Pool
}

func newInfluxWriter(d *writeDoor) *influxWriter {
	return &influxWriter{
		writeDoor: d,
		parsers:   sync.Pool{New: func() any { return new(lineproto.Parser) }},
	}
}

func (iw *influxWriter) writeV1(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	precision, err := lineproto.ParsePrecisionV1(q.Get("precision"))
	iw.write(w, r, answerV1{}, q.Get("db"), precision, err)
}

func (iw *influxWriter) writeV2(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	precision, err := lineproto.ParsePrecisionV2(q.Get("precision"))
	iw.write(w, r, answerV2{}, q.Get("bucket"), precision, err)
}

func (iw *influxWriter) write(w http.ResponseWriter, r *http.Request, a answer, bucket string, precision time.Duration, badPrecision error) {
	w.Header().Set("X-Influxdb-Version", influxVersion)
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		a.fail(w, http.StatusMethodNotAllowed, errors.New("line protocol is written by POST"))
		return
	}
	if badPrecision != nil {
		iw.fail(w, a, http.StatusBadRequest, badPrecision)
		return
	}
	speller, err := iw.speller(bucket)
	if err != nil {
		iw.fail(w, a, http.StatusBadRequest, err)
		return
	}
	from := source("lineproto", r)
	b, err := iw.bodies.read(w, r)
	if err != nil {
		iw.refuseBody(w, from, a, err)
		return
	}
	defer b.release()
	p := iw.parsers.Get().(*lineproto.Parser)
	defer iw.parsers.Put(p)
	res, err := iw.opts.Intake.Write(r.Context(), from, iw.parts(p, b.bytes, precision), speller)
	if err != nil {
		iw.failStore(w, from, a, err)
		return
	}
	if res.Refused > 0 {
		a.partial(w, res)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// parts returns the function that hands a body to the intake bit by bit.
func (iw *influxWriter) parts(p *lineproto.Parser, raw []byte, precision time.Duration) intake.Parse {
	opt := lineproto.Options{Precision: precision, MaxLine: int(iw.opts.MaxLine), Now: time.Now().UnixMilli()}
	pos := lineproto.Position{Line: 1}
	return func(b *reading.Batch) bool {
		pos = p.ParseSome(b, raw, pos, partSamples, opt)
		return pos.Offset < len(raw)
	}
}

func (iw *influxWriter) speller(bucket string) (reading.Speller, error) {
	if iw.opts.BucketLabel == "" || bucket == "" {
		return lineproto.Speller{}, nil
	}
	return lineproto.NewSpeller(map[string]string{iw.opts.BucketLabel: bucket})
}

// ping answers as InfluxDB does, for clients that look before they write.
func (iw *influxWriter) ping(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Influxdb-Version", influxVersion)
	w.Header().Set("X-Influxdb-Build", "Belfry")
	if v := r.URL.Query().Get("verbose"); v != "" && v != "0" && v != "false" {
		writeJSON(w, http.StatusOK, map[string]string{"version": influxVersion})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// health is InfluxDB 2's; it fails while writes cannot be taken.
func (iw *influxWriter) health(w http.ResponseWriter, _ *http.Request) {
	status, message, code := "pass", "ready for queries and writes", http.StatusOK
	err := iw.opts.Ready()
	if err == nil {
		err = iw.opts.Store.CheckRoom()
	}
	if err == nil && iw.opts.Store.Failed() {
		err = tsdb.ErrFailed
	}
	if err != nil {
		status, message, code = "fail", err.Error(), http.StatusServiceUnavailable
	}
	writeJSON(w, code, map[string]any{
		"name": "influxdb", "message": message, "status": status, "checks": []any{}, "version": influxVersion, "commit": "belfry",
	})
}

// influxQuery takes the CREATE DATABASE that Telegraf and others send before
// they write, and sends everything else to the query language there is.
func influxQuery(w http.ResponseWriter, r *http.Request) {
	q := strings.TrimSpace(r.FormValue("q"))
	if len(q) >= 15 && strings.EqualFold(q[:15], "CREATE DATABASE") {
		writeJSON(w, http.StatusOK, map[string]any{"results": []any{map[string]int{"statement_id": 0}}})
		return
	}
	answerV1{}.fail(w, http.StatusBadRequest, errors.New("InfluxQL is not spoken here; query with PromQL at /api/v1/query"))
}
