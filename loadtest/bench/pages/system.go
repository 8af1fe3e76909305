package pages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/belfry-city/belfry/loadtest/bench/server"
)

// System takes readings and sends pages.
type System interface {
	// Name is short and the same from run to run.
	Name() string
	// Start returns when readings are taken.
	Start(ctx context.Context, s Setup) (*Running, error)
}

// Setup is what a system has to work with.
type Setup struct {
	// Dir is empty, and the system's.
	Dir     string
	Rules   *RuleSet
	Catalog []string
	// Hook is where pages go.
	Hook string
}

// Running is a started system.
type Running struct {
	// URL takes line protocol.
	URL string
	// KnowsCatalog says that the system makes series of the catalog by itself.
	KnowsCatalog bool
	servers      []*server.Server
}

// Used adds up what the system's processes have used.
func (r *Running) Used() (sum server.Usage, err error) {
	for _, s := range r.servers {
		u, err := s.Used()
		if err != nil {
			return sum, err
		}
		sum.CPU += u.CPU
		sum.PeakRSS += u.PeakRSS
	}
	return sum, nil
}

// Close ends the system's processes, the last started first.
func (r *Running) Close() error {
	var errs []error
	for _, s := range slices.Backward(r.servers) {
		errs = append(errs, s.Kill())
	}
	return errors.Join(errs...)
}

// start starts one more process.
func (r *Running) start(ctx context.Context, p server.Program, dir string) (*server.Server, error) {
	dir = filepath.Join(dir, p.Name())
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	s, err := server.Start(ctx, p, dir)
	if err != nil {
		return nil, err
	}
	r.servers = append(r.servers, s)
	return s, nil
}

// writePager writes a configuration that collects nothing: each alert is a group
// of its own, which leaves at once.
func writePager(dir, hook string) (path string, err error) {
	path = filepath.Join(dir, "alertmanager.yml")
	text := fmt.Sprintf(`route:
  receiver: bench
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 4h
  routes:
    - matchers: ['severity="none"'] # a watchdog
      receiver: nobody
receivers:
  - name: nobody
  - name: bench
    webhook_configs:
      - {url: %q, send_resolved: false}
`, hook)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return "", fmt.Errorf("writing the pager's configuration: %w", err)
	}
	return path, nil
}

// Belfry is belfry serve with its defaults.
type Belfry struct{ server.Belfry }

// Start implements System.
func (b Belfry) Start(ctx context.Context, s Setup) (*Running, error) {
	var err error
	if b.Rules, err = s.Rules.Write(s.Dir, Variant{}); err != nil {
		return nil, err
	}
	if b.Pager, err = writePager(s.Dir, s.Hook); err != nil {
		return nil, err
	}
	b.Catalog = s.Catalog
	r := &Running{KnowsCatalog: true}
	db, err := r.start(ctx, b.Belfry, s.Dir)
	if err != nil {
		return nil, err
	}
	r.URL = db.URL()
	return r, nil
}

// Peer is VictoriaMetrics with vmalert and Alertmanager.
type Peer struct {
	VictoriaMetrics, VMAlert, Alertmanager string // binaries
	// Defaults leaves the delays of VictoriaMetrics and vmalert as they are; otherwise
	// each is as short as it can be set.
	Defaults bool
}

// Name implements System.
func (p Peer) Name() string {
	if p.Defaults {
		return "victoriametrics, default delays"
	}
	return "victoriametrics, no delays"
}

// flags of VictoriaMetrics and of vmalert. Less than two seconds of
// inmemoryDataFlushInterval are taken for two; that samples and new series wait in
// memory for two and one second until queries see them cannot be set. vmalert
// evaluates once a second, with the newest values, rather than with those of 30 s
// ago.
func (p Peer) flags() (database, alert []string) {
	if p.Defaults {
		return []string{"-search.latencyOffset=30s"}, nil
	}
	return []string{"-search.latencyOffset=0s", "-inmemoryDataFlushInterval=1s"},
		[]string{"-rule.evalDelay=0s", "-group.maxStartDelay=1s", "-remoteWrite.flushInterval=100ms"}
}

// Start implements System.
func (p Peer) Start(ctx context.Context, s Setup) (r *Running, err error) {
	r = &Running{}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	config, err := writePager(s.Dir, s.Hook)
	if err != nil {
		return nil, err
	}
	database, alert := p.flags()
	db, err := r.start(ctx, server.VictoriaMetrics{Binary: p.VictoriaMetrics, Flags: database}, s.Dir)
	if err != nil {
		return nil, err
	}
	am, err := r.start(ctx, server.Alertmanager{Binary: p.Alertmanager, Config: config}, s.Dir)
	if err != nil {
		return nil, err
	}
	rules, err := s.Rules.Write(s.Dir, Variant{Unaligned: !p.Defaults})
	if err != nil {
		return nil, err
	}
	alert = append(alert, "-evaluationInterval=1s", "-disableAlertgroupLabel", "-datasource.url="+db.URL(), "-notifier.url="+am.URL(),
		"-remoteWrite.url="+db.URL())
	for _, file := range rules {
		alert = append(alert, "-rule="+file)
	}
	if _, err = r.start(ctx, server.VMAlert{Binary: p.VMAlert, Flags: alert}, s.Dir); err != nil {
		return nil, err
	}
	r.URL = db.URL()
	return r, nil
}
