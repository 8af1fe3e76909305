package inputs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/belfry-city/belfry/loadtest/bench/server"
)

// ScrapeOptions say how many targets there are, of how many series each. They
// are scraped once a second.
type ScrapeOptions struct {
	Targets, Series int
	During          time.Duration
}

// jobs are what a server has to scrape; the answer is the same for all targets.
func (o ScrapeOptions) jobs(addr, indent string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s- job_name: bench\n%s  scrape_interval: 1s\n%s  static_configs:\n", indent, indent, indent)
	for n := range o.Targets {
		fmt.Fprintf(&b, "%s  - {targets: [%q], labels: {instance: t%d}}\n", indent, addr, n)
	}
	return b.String()
}

// scrapingPeer is VictoriaMetrics with targets: what vmagent does is in it.
type scrapingPeer struct {
	server.Product
	jobs string
}

// Command implements server.Product.
func (v scrapingPeer) Command(dir, addr string) (*exec.Cmd, error) {
	cmd, err := v.Product.Command(dir, addr)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(filepath.Dir(dir), "scrape.yml")
	cmd.Args = append(cmd.Args, "-promscrape.config="+file)
	return cmd, os.WriteFile(file, []byte("scrape_configs:\n"+v.jobs), 0o644)
}

// Scrape lets servers scrape the same targets. victoriametrics may be nil; dir
// must exist.
func Scrape(ctx context.Context, belfry server.Belfry, victoriametrics server.Product, dir string, o ScrapeOptions) (rows []Row, err error) {
	var page strings.Builder
	for i := range o.Series {
		fmt.Fprintf(&page, "city_metric_%d{asset=\"W%d\",channel=\"%d\"} %d.5\n", i%20, i/20, i%4, i)
	}
	text := []byte(page.String())
	var pages atomic.Int64
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	targets := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write(text)
		pages.Add(1)
	})}
	go func() { _ = targets.Serve(l) }()
	defer func() { err = errors.Join(err, targets.Close()) }()
	belfry.Inputs = "\n  scrape:\n" + o.jobs(l.Addr().String(), "  ")
	products := []server.Product{belfry}
	if victoriametrics != nil {
		products = append(products, scrapingPeer{victoriametrics, o.jobs(l.Addr().String(), "")})
	}
	for _, p := range products {
		row, err := o.scrape(ctx, p, dir, &pages)
		if err != nil {
			return rows, fmt.Errorf("%s scrapes: %w", p.Name(), err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (o ScrapeOptions) scrape(ctx context.Context, p server.Product, dir string, pages *atomic.Int64) (row Row, err error) {
	if dir, err = os.MkdirTemp(dir, "scrape-"); err != nil {
		return row, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	pages.Store(0)
	s, err := server.Start(ctx, p, dir)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, s.Kill()) }()
	// All targets have been scraped some times, so that their series are known.
	if err := wait(ctx, func() bool { return pages.Load() > int64(3*o.Targets) }); err != nil {
		return row, err
	}
	before, err := s.Used()
	if err != nil {
		return row, err
	}
	first, began := pages.Load(), time.Now()
	select {
	case <-ctx.Done():
		return row, ctx.Err()
	case <-time.After(o.During):
	}
	after, err := s.Used()
	if err != nil {
		return row, err
	}
	row = measured(s.Name(), "scrape", before, after, time.Since(began), newTimes())
	row.Messages = pages.Load() - first
	row.Samples = row.Messages * int64(o.Series)
	row.Note = fmt.Sprintf("%d targets, 1 s", o.Targets)
	return row, nil
}

func wait(ctx context.Context, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for targets to be scraped: %w", ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}
