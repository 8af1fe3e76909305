package inputs

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/belfry-city/belfry/loadtest/bench/server"
)

// Row is one measurement.
type Row struct {
	Input    string        `json:"input"`
	Server   string        `json:"server"`
	Messages int64         `json:"messages"`
	Samples  int64         `json:"samples"`
	Took     time.Duration `json:"took"`
	// CPU is the server's, user and system.
	CPU     time.Duration `json:"cpu"`
	PeakRSS int64         `json:"peak_rss"`
	// P50 and P99 are from sending a message to its acknowledgement.
	P50  time.Duration `json:"p50"`
	P99  time.Duration `json:"p99"`
	Note string        `json:"note,omitempty"`
}

// measured fills a row with what a server used between two moments.
func measured(name, input string, before, after server.Usage, took time.Duration, times *hdrhistogram.Histogram) Row {
	return Row{
		Input: input, Server: name, Took: took, CPU: after.CPU - before.CPU, PeakRSS: after.PeakRSS,
		P50: time.Duration(times.ValueAtQuantile(50)) * time.Microsecond,
		P99: time.Duration(times.ValueAtQuantile(99)) * time.Microsecond,
	}
}

// MessagesPerSecond is over the time of the run.
func (r Row) MessagesPerSecond() float64 { return float64(r.Messages) / r.Took.Seconds() }

// SamplesPerSecond is over the time of the run.
func (r Row) SamplesPerSecond() float64 { return float64(r.Samples) / r.Took.Seconds() }

// CPUPerSample is the server's time in nanoseconds.
func (r Row) CPUPerSample() float64 { return float64(r.CPU.Nanoseconds()) / float64(max(r.Samples, 1)) }

// WriteTable writes rows for people.
func WriteTable(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	if _, err := fmt.Fprint(t, "\ninput\tserver\tmessages/s\tsamples/s\tserver CPU ns/message\tns/sample\tpeak RSS MB\tack p50 ms\tp99 ms\t\n"); err != nil {
		return err
	}
	for _, r := range rows {
		perMessage := float64(r.CPU.Nanoseconds()) / float64(max(r.Messages, 1))
		_, err := fmt.Fprintf(t, "%s\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t  %s\n", r.Input, r.Server,
			r.MessagesPerSecond(), r.SamplesPerSecond(), perMessage, r.CPUPerSample(), float64(r.PeakRSS)/1e6,
			float64(r.P50.Microseconds())/1e3, float64(r.P99.Microseconds())/1e3, r.Note)
		if err != nil {
			return err
		}
	}
	return t.Flush()
}

// Save keeps rows as JSON in dir.
func Save(dir string, rows []Row) error {
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(dir, "inputs-"+time.Now().UTC().Format("20060102T150405")+".json")
	return os.WriteFile(name, append(text, '\n'), 0o644)
}
