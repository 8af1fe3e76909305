package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/belfry-city/belfry/alerting/pager"
)

// jsonLines tells programs what happens: one JSON object a line. Its fields are
// a public form.
type jsonLines struct {
	out io.Writer
	mu  sync.Mutex
}

func (j *jsonLines) every() time.Duration { return time.Second }

// preparing is not told: programs find start first.
func (j *jsonLines) preparing() error { return nil }

func (j *jsonLines) line(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write as JSON: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.out.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

func (j *jsonLines) start(o opening) error {
	return j.line(struct {
		Type        string    `json:"type"`
		Time        time.Time `json:"time"`
		URL         string    `json:"url"`
		MQTT        string    `json:"mqtt"`
		HJ212       string    `json:"hj212"`
		DataDir     string    `json:"data_dir"`
		DataDirKept bool      `json:"data_dir_kept"`
		Assets      int       `json:"assets"`
		Speed       float64   `json:"speed"`
		DurationS   float64   `json:"duration_s,omitempty"`
	}{"start", time.Now(), o.url, o.mqtt, o.hj212, o.dataDir, o.kept, o.assets, o.speed, o.duration.Seconds()})
}

func (j *jsonLines) page(p pager.Page) error { return j.line(p) }

func (j *jsonLines) status(p progress) error {
	trouble := ""
	if p.trouble != nil {
		trouble = p.trouble.Error()
	}
	return j.line(struct {
		Type      string    `json:"type"`
		Time      time.Time `json:"time"`
		ElapsedS  float64   `json:"elapsed_s"`
		Stored    int       `json:"readings_stored"`
		Refused   int       `json:"readings_refused"`
		PerSecond float64   `json:"readings_per_second"`
		Series    int       `json:"series"`
		Pages     int       `json:"pages"`
		Open      int       `json:"open"`
		Trouble   string    `json:"trouble,omitempty"`
	}{"status", time.Now(), tenths(p.ran.Seconds()), p.stored, p.refused, tenths(p.perSecond), p.series, p.pages, p.open(), trouble})
}

func (j *jsonLines) stopping() error { return nil }

func (j *jsonLines) finish(c closing) error {
	by := c.by
	if by == nil {
		by = []countedPages{}
	}
	return j.line(struct {
		Type        string               `json:"type"`
		Time        time.Time            `json:"time"`
		DurationS   float64              `json:"duration_s"`
		Stored      int                  `json:"readings_stored"`
		Refused     int                  `json:"readings_refused"`
		Pages       int                  `json:"pages"`
		Resolved    int                  `json:"resolved"`
		Open        int                  `json:"open"`
		By          []countedPages       `json:"by"`
		Latency     latencies            `json:"latencies_ms"`
		LatencyBy   map[string]latencies `json:"latencies_ms_by_severity"`
		DataDir     string               `json:"data_dir"`
		DataDirKept bool                 `json:"data_dir_kept"`
	}{
		"summary", time.Now(), tenths(c.ran.Seconds()), c.stored, c.refused, c.pages, c.resolved, c.open(), by, c.latencies, c.bySeverity,
		c.dataDir, c.kept,
	})
}

func tenths(v float64) float64 { return math.Round(v*10) / 10 }
