package evaluate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/notifier"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/collector/catalog"
)

const (
	// DefaultInterval is used where neither a group nor Options says otherwise.
	DefaultInterval = time.Second
	// outageTolerance is how long Belfry may have been down for `for` state to
	// count; upstream's default.
	outageTolerance = time.Hour
	// forGracePeriod is upstream's least wait after a restart, and rules with a
	// shorter `for` are not restored at all. Upstream's 10m suits scraped data that
	// is missing after a restart; here devices push, most rules wait for seconds,
	// and what has waited long enough fires.
	forGracePeriod = 0
	// resendDelay is how often Alertmanager is told of what still fires. It takes an
	// alert for resolved after four times this long without news.
	resendDelay = time.Minute
	// evidenceBudget is the longest that an alert is held up to find out which
	// reading broke which limit.
	evidenceBudget = 50 * time.Millisecond
	// sweepInterval is how often what is frozen is compared with what fires.
	sweepInterval = 30 * time.Second
	// saveGap is the least time between two writes of what is frozen.
	saveGap = time.Second
)

// Sender takes the alerts; it should not block for long, for the group's next rule
// waits meanwhile. It keeps what it is given.
type Sender interface {
	Send(alerts ...*notifier.Alert)
}

// Options say what an Evaluator works with.
type Options struct {
	// Queryable and Engine answer the rules, Appendable takes what they record.
	// All three are needed, and so is Sender.
	Queryable  storage.Queryable
	Appendable storage.Appendable
	Engine     promql.QueryEngine
	Sender     Sender
	// Catalog returns the asset register as it is now, never nil. Without the
	// function there is none.
	Catalog func() *catalog.Catalog
	// Interval is for groups that name none; 0 stands for DefaultInterval.
	Interval time.Duration
	// Lookback is the engine's: an older sample does not answer an evaluation. 0
	// stands for PromQL's 5 minutes.
	Lookback time.Duration
	// ExternalLabels are added to alerts that have no such label, and can be used in
	// the templates of rules.
	ExternalLabels labels.Labels
	// ExternalURL is where Belfry is reached, for links; nil leaves links relative.
	ExternalURL *url.URL
	// DataDir keeps, over a restart, what was added to the firing alerts; "" keeps
	// it in memory only.
	DataDir string
	// Logger, Registerer and Metrics may be nil.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Metrics    *metrics.Set
}

func (o *Options) validate() error {
	for name, missing := range map[string]bool{
		"Queryable": o.Queryable == nil, "Appendable": o.Appendable == nil,
		"Engine": o.Engine == nil, "Sender": o.Sender == nil,
	} {
		if missing {
			return fmt.Errorf("evaluating rules: Options.%s is missing", name)
		}
	}
	if o.Interval < 0 {
		return fmt.Errorf("evaluating rules: Options.Interval is %v, want more than 0", o.Interval)
	}
	if o.Interval == 0 {
		o.Interval = DefaultInterval
	}
	if o.Lookback <= 0 {
		o.Lookback = 5 * time.Minute
	}
	if o.ExternalURL == nil {
		o.ExternalURL = &url.URL{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = metrics.NewSet()
	}
	return nil
}

// Evaluator runs rules and sends their alerts. Its methods may be called by
// several goroutines.
type Evaluator struct {
	options Options
	logger  *slog.Logger
	manager *rules.Manager
	loader  *loader
	pace    *pace
	freezer *freezer
	index   atomic.Pointer[ruleIndex]

	reloading sync.Mutex

	start, stop sync.Once
	// ctx ends running queries, done ends the writing of what is frozen.
	ctx        context.Context
	cancel     context.CancelFunc
	done       chan struct{}
	changed    chan struct{}
	background sync.WaitGroup

	sent, incomplete *metrics.Counter
}

// loader hands the newest set to upstream's manager.
type loader struct{ set atomic.Pointer[ruleset.Set] }

func (l *loader) Load(id string, ignoreUnknown bool, scheme model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	return l.set.Load().Load(id, ignoreUnknown, scheme)
}

func (l *loader) Parse(query string) (parser.Expr, error) { return l.set.Load().Parse(query) }

// New makes an Evaluator without rules. It reads what an earlier run left in
// DataDir and makes the directory where it is missing.
func New(options Options) (*Evaluator, error) {
	if err := options.validate(); err != nil {
		return nil, err
	}
	path := ""
	if options.DataDir != "" {
		if err := os.MkdirAll(options.DataDir, 0o750); err != nil {
			return nil, fmt.Errorf("evaluating rules: %w", err)
		}
		path = filepath.Join(options.DataDir, "firing-alerts.json")
	}
	kept, err := newFreezer(path, time.Now().Add(options.Lookback))
	if err != nil {
		options.Logger.Warn("Alerts that were firing take their team and names anew", "err", err)
	}
	e := &Evaluator{
		options:    options,
		logger:     options.Logger,
		loader:     &loader{},
		pace:       newPace(),
		freezer:    kept,
		done:       make(chan struct{}),
		changed:    make(chan struct{}, 1),
		sent:       options.Metrics.NewCounter("belfry_alerts_sent_total"),
		incomplete: options.Metrics.NewCounter("belfry_alerts_evidence_incomplete_total"),
	}
	options.Metrics.NewGauge("belfry_rules_lag_seconds", func() float64 { return e.Lag().Seconds() })
	e.index.Store(&ruleIndex{})
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.manager = rules.NewManager(&rules.ManagerOptions{
		ExternalURL:     options.ExternalURL,
		QueryFunc:       rules.EngineQueryFunc(options.Engine, options.Queryable),
		NotifyFunc:      e.notify,
		Context:         e.ctx,
		Appendable:      options.Appendable,
		Queryable:       options.Queryable,
		Logger:          options.Logger,
		Registerer:      options.Registerer,
		OutageTolerance: outageTolerance,
		ForGracePeriod:  forGracePeriod,
		ResendDelay:     resendDelay,
		GroupLoader:     e.loader,
	})
	return e, nil
}

// Manager is upstream's, for the HTTP API's rules and alerts.
func (e *Evaluator) Manager() *rules.Manager { return e.manager }

// Start begins to evaluate. The store must be readable by now.
func (e *Evaluator) Start() {
	e.start.Do(func() {
		e.background.Go(e.manager.Run)
		e.background.Go(e.keep)
	})
}

// Stop ends the evaluation after the iterations that are under way, and writes
// what is frozen. When ctx ends, their queries are cancelled, and Stop returns
// its error. An Evaluator that has been stopped does not start again.
func (e *Evaluator) Stop(ctx context.Context) error {
	var err error
	e.stop.Do(func() {
		// Upstream's manager waits in Stop for groups that wait for Run.
		e.Start()
		stopped := make(chan struct{})
		go func() {
			e.manager.Stop()
			close(stopped)
		}()
		select {
		case <-stopped:
		case <-ctx.Done():
			err = fmt.Errorf("stopping the rules: %w", ctx.Err())
			e.cancel()
			<-stopped
		}
		e.cancel()
		close(e.done)
		e.background.Wait()
	})
	return err
}

// Reload takes over a set of rules. Groups that are unchanged go on undisturbed;
// changed ones keep the pending and firing alerts of the rules whose name and
// labels are the same. After an error the rules are as before.
func (e *Evaluator) Reload(set *ruleset.Set) error {
	if set == nil {
		return errors.New("taking over rules: there is no set")
	}
	e.reloading.Lock()
	defer e.reloading.Unlock()
	oldSet, oldIndex := e.loader.set.Load(), e.index.Load()
	newIndex := indexRules(set, e.options.Interval)
	// New groups begin before Update returns, old ones end within it.
	both := newIndex.with(*oldIndex)
	e.loader.set.Store(set)
	e.index.Store(&both)
	err := e.manager.Update(e.options.Interval, set.Sources(), e.options.ExternalLabels,
		e.options.ExternalURL.String(), e.pace.iterate)
	if err != nil {
		e.loader.set.Store(oldSet)
		e.index.Store(oldIndex)
		return fmt.Errorf("taking over rules: %w", err)
	}
	e.index.Store(&newIndex)
	e.pace.keep(e.manager.RuleGroups())
	return nil
}

// Lag is by how much at least half of the groups are late: 0, or within
// milliseconds of it, as long as the machine keeps up.
func (e *Evaluator) Lag() time.Duration { return e.pace.lag(time.Now()) }

// Health says of each group that has begun to be evaluated how it keeps up, in
// the order of files and names.
func (e *Evaluator) Health() []GroupHealth { return e.pace.health(time.Now()) }
