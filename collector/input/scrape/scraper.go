package scrape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	commonconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/logging"
	"github.com/sourcegraph/conc"
)

// Options of a Scraper; all are required.
type Options struct {
	// Appender takes what one scrape brought; target is its job and instance.
	Appender func(ctx context.Context, target string) storage.AppenderV2
	// Refuse counts what a scrape brought and could not be stored.
	Refuse func(target string, err error)
	// Room says why nothing can be stored, or nil.
	Room func() error
	// Stored is where samples are that scrapes brought before.
	Stored storage.Queryable
	// ExternalLabels spread the scrapes of several Belfrys over time.
	ExternalLabels labels.Labels
	Logger         *slog.Logger
	Registerer     prometheus.Registerer
}

// syncEvery is how often changes of targets are looked at.
const syncEvery = time.Second

// Scraper scrapes the targets of jobs. Its methods are safe for concurrent use.
type Scraper struct {
	opts      Options
	manager   *scrape.Manager
	discovery *discovery.Manager
	config    *promconfig.Config
	failures  failures

	mu   sync.Mutex
	jobs map[string]*Job
	// ended are jobs that are not scraped any more and whose series have yet to
	// get their staleness markers; the time is when they have them.
	ended map[string]time.Time

	stop context.CancelFunc
	work conc.WaitGroup
}

// New returns a Scraper that runs, and has nothing to scrape until Apply.
func New(o Options) (*Scraper, error) {
	s := &Scraper{opts: o, jobs: map[string]*Job{}, ended: map[string]time.Time{}, failures: failures{logger: o.Logger}}
	var err error
	// Only Load makes a configuration that the scraper accepts.
	if s.config, err = promconfig.Load("", o.Logger); err != nil {
		return nil, fmt.Errorf("scrape: %w", err)
	}
	s.config.GlobalConfig.ExternalLabels = o.ExternalLabels
	s.manager, err = scrape.NewManager(&scrape.Options{
		PassMetadataInContext:   true, // the target, for transactions
		DiscoveryReloadInterval: model.Duration(syncEvery),
		HTTPClientOptions:       []commonconfig.HTTPClientOption{commonconfig.WithUserAgent("Belfry")},
	}, o.Logger, logging.NewJSONFileLogger, nil, appendable{s}, o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("scrape: %w", err)
	}
	metrics, err := discovery.CreateAndRegisterSDMetrics(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("scrape: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.discovery = discovery.NewManager(ctx, o.Logger, o.Registerer, metrics, discovery.Name("scrape"), discovery.Updatert(syncEvery))
	if s.discovery == nil {
		stop()
		return nil, errors.New("scrape: the discovery of targets cannot be started")
	}
	s.work.Go(func() { _ = s.discovery.Run() })
	s.work.Go(func() { _ = s.manager.Run(s.discovery.SyncCh()) })
	s.work.Go(func() { s.forgetEnded(ctx) })
	return s, nil
}

// Targets are what upstream's API shows of jobs and targets.
func (s *Scraper) Targets() *scrape.Manager { return s.manager }

// Apply replaces the jobs. Those that are not changed go on undisturbed.
func (s *Scraper) Apply(jobs []*Job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	fresh := make(map[string]*Job, len(jobs))
	for _, j := range jobs {
		fresh[j.JobName] = j
		delete(s.ended, j.JobName)
	}
	for name, j := range s.jobs {
		if _, stays := fresh[name]; stays {
			continue
		}
		if _, known := s.ended[name]; !known {
			s.ended[name] = now.Add(untilMarked(j))
		}
		fresh[name] = j
	}
	if len(fresh) == 0 {
		return nil
	}
	return s.apply(fresh)
}

// untilMarked is how long after a job's end its series have their staleness
// markers: upstream waits for two intervals in case the target comes back.
func untilMarked(j *Job) time.Duration {
	return 3*time.Duration(j.ScrapeInterval) + 10*syncEvery
}

// apply has upstream work by the jobs; those that have ended have no targets.
func (s *Scraper) apply(jobs map[string]*Job) error {
	s.config.ScrapeConfigs = nil
	targets := make(map[string]discovery.Configs, len(jobs))
	for _, name := range slices.Sorted(maps.Keys(jobs)) {
		s.config.ScrapeConfigs = append(s.config.ScrapeConfigs, jobs[name])
		targets[name] = jobs[name].ServiceDiscoveryConfigs
		if _, ended := s.ended[name]; ended {
			targets[name] = nil
		}
	}
	s.jobs = jobs
	// The scraper has to know a job before its targets come.
	if err := s.manager.ApplyConfig(s.config); err != nil {
		return fmt.Errorf("scrape: %w", err)
	}
	if err := s.discovery.ApplyConfig(targets); err != nil {
		return fmt.Errorf("scrape: %w", err)
	}
	return nil
}

// forgetEnded drops ended jobs when there is nothing left to do for them.
func (s *Scraper) forgetEnded(ctx context.Context) {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if err := s.forget(now); err != nil {
				s.opts.Logger.Warn("jobs that have ended are still known", "err", err)
			}
		}
	}
}

func (s *Scraper) forget(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := maps.Clone(s.jobs)
	for name, marked := range s.ended {
		if now.After(marked) {
			delete(s.ended, name)
			delete(jobs, name)
		}
	}
	if len(jobs) == len(s.jobs) {
		return nil
	}
	return s.apply(jobs)
}

// Stop ends all scrapes. As in Prometheus there are no staleness markers then:
// whoever stops usually starts again.
func (s *Scraper) Stop() error {
	s.stop()
	s.manager.Stop()
	s.work.Wait()
	return nil
}
