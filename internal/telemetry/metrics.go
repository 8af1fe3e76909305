package telemetry

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// NewSet makes a set of Belfry's own metrics that holds belfry_build_info.
func NewSet(b Build) *metrics.Set {
	set := metrics.NewSet()
	set.NewGauge(fmt.Sprintf(`belfry_build_info{version=%q,goversion=%q,revision=%q}`, b.Version, b.GoVersion, b.Revision),
		func() float64 { return 1 })
	return set
}

// Exposition is all metrics of one Belfry: its own set, those of the process,
// and those of the upstream packages. It is safe for concurrent use.
type Exposition struct {
	Own      *metrics.Set
	Upstream prometheus.Gatherer // may be nil
}

// WritePrometheus writes everything, each family once and in one piece: what
// Belfry itself measures goes before an upstream family of the same name. An
// error of a single upstream collector is returned after the rest was written.
func (e Exposition) WritePrometheus(w io.Writer) error {
	out := bufio.NewWriter(w)
	own := e.ownFamilies()
	taken := make(map[string]bool, len(own))
	for _, f := range own {
		taken[f.name] = true
		f.writeTo(out)
	}
	var gatherErr error
	if e.Upstream != nil {
		var families []*dto.MetricFamily
		families, gatherErr = e.Upstream.Gather()
		// Names that are not the classic ones are written with underscores.
		format := expfmt.NewFormat(expfmt.TypeTextPlain).WithEscapingScheme(model.UnderscoreEscaping)
		encoder := expfmt.NewEncoder(out, format)
		for _, f := range families {
			if collides(f, taken) {
				continue
			}
			if err := encoder.Encode(f); err != nil {
				return fmt.Errorf("write metrics: %w", err)
			}
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	if gatherErr != nil {
		return fmt.Errorf("gather metrics: %w", gatherErr)
	}
	return nil
}

// collides reports whether f has samples of a family that is taken.
func collides(f *dto.MetricFamily, taken map[string]bool) bool {
	name := f.GetName()
	if taken[name] {
		return true
	}
	switch f.GetType() {
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		return taken[name+"_bucket"] || taken[name+"_sum"] || taken[name+"_count"]
	case dto.MetricType_SUMMARY:
		return taken[name+"_sum"] || taken[name+"_count"]
	default:
		return false
	}
}

// family is the samples that have one name.
type family struct {
	name  string
	lines [][]byte
}

func (f *family) writeTo(w *bufio.Writer) {
	kind := "untyped"
	if strings.HasSuffix(f.name, "_total") {
		kind = "counter"
	}
	// bufio keeps the first error for Flush.
	_, _ = fmt.Fprintf(w, "# TYPE %s %s\n", f.name, kind)
	for _, line := range f.lines {
		_, _ = w.Write(line)
	}
}

// ownFamilies brings the samples of the set and of the process into families,
// in the order in which each appears first: a summary with labels, for
// example, mixes those of its sum and its count.
func (e Exposition) ownFamilies() []*family {
	var text bytes.Buffer
	e.Own.WritePrometheus(&text)
	metrics.WriteProcessMetrics(&text)
	var ordered []*family
	byName := map[string]*family{}
	for line := range bytes.Lines(text.Bytes()) {
		end := bytes.IndexAny(line, "{ ")
		if end <= 0 || line[0] == '#' {
			continue
		}
		f, ok := byName[string(line[:end])]
		if !ok {
			f = &family{name: string(line[:end])}
			byName[f.name] = f
			ordered = append(ordered, f)
		}
		f.lines = append(f.lines, line)
	}
	return ordered
}

// Handler serves the metrics. What a broken upstream collector says goes to
// the log; the others are served.
func (e Exposition) Handler(logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
		if err := e.WritePrometheus(w); err != nil && r.Context().Err() == nil {
			logger.Warn("some metrics are missing from /metrics", "err", err)
		}
	})
}
