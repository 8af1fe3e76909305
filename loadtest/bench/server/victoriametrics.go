package server

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// VictoriaMetrics is the single-node server with its defaults, except that the
// newest samples are shown at once (by default it hides the last 30 s), as
// Prometheus does.
type VictoriaMetrics struct {
	Binary string
	// Flags come after those of the comparison, and count instead of them.
	Flags []string
}

// Name implements Product.
func (VictoriaMetrics) Name() string { return "victoriametrics" }

// Command implements Product.
func (v VictoriaMetrics) Command(dir, addr string) (*exec.Cmd, error) {
	args := []string{"-storageDataPath=" + dir, "-httpListenAddr=" + addr, "-retentionPeriod=90d", "-search.latencyOffset=0s"}
	return exec.Command(v.Binary, append(args, v.Flags...)...), nil
}

// Ready implements Product.
func (VictoriaMetrics) Ready() string { return "/health" }

// Settle implements Product.
func (VictoriaMetrics) Settle(ctx context.Context, s *Server) error {
	_, err := s.Get(ctx, "/internal/force_flush")
	return err
}

// Compact merges all parts of each partition into one.
func (v VictoriaMetrics) Compact(ctx context.Context, s *Server) (d Disk, err error) {
	before, err := s.Used()
	if err != nil {
		return d, err
	}
	if err := v.Settle(ctx, s); err != nil {
		return d, err
	}
	if _, err := s.Get(ctx, "/internal/force_merge"); err != nil {
		return d, err
	}
	if err := s.poll(ctx, func() (bool, error) { return v.idle(ctx, s) }); err != nil {
		return d, err
	}
	after, err := s.Used()
	if err != nil {
		return d, err
	}
	d.CPU = after.CPU - before.CPU
	if err := s.Stop(ctx); err != nil {
		return d, err
	}
	d.Bytes, err = diskUsage(s.dir, func(name string) bool { return name == "data" || name == "indexdb" })
	return d, err
}

// idle reports that nothing is being merged, twice in a row: the merge that was
// asked for begins some time after the answer.
func (v VictoriaMetrics) idle(ctx context.Context, s *Server) (bool, error) {
	const between = 500 * time.Millisecond
	for range 2 {
		text, err := s.Get(ctx, "/metrics")
		if err != nil {
			return false, err
		}
		busy, err := sum(string(text), "vm_active_merges{", "vm_active_force_merges")
		if busy > 0 || err != nil {
			return false, err
		}
		select {
		case <-time.After(between):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	return true, nil
}

// sum adds the values of all metrics in the text format that begin in one of
// the ways given.
func sum(text string, prefixes ...string) (total float64, err error) {
	found := false
	for line := range strings.Lines(text) {
		for _, prefix := range prefixes {
			if !strings.HasPrefix(line, prefix) {
				continue
			}
			fields := strings.Fields(line)
			v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
			if err != nil {
				return 0, err
			}
			total += v
			found = true
		}
	}
	if !found {
		return 0, errors.New("none of the metrics " + strings.Join(prefixes, ", ") + " is there")
	}
	return total, nil
}
