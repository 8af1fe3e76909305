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
	"github.com/prometheus/prometheus/notifier"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/alerting/trigger"
	"github.com/belfry-city/belfry/collector/catalog"
)

const (
	// DefaultInterval is used where neither a group nor Options says otherwise.
	DefaultInterval = time.Second
	// outageTolerance is how long Belfry may have been down for `for` state to
	// count; upstream's default.
	outageTolerance = time.Hour
	// resendDelay is how often Alertmanager is told of what still fires. It takes an
	// alert for resolved after four times this long without news.
	resendDelay = time.Minute
	// evidenceBudget is the longest that an alert is held up to find out which
	// reading broke which limit.
	evidenceBudget = 50 * time.Millisecond
	// sweepInterval is how often what is frozen is compared with what fires.
	sweepInterval = 30 * time.Second
	// saveGap is the least time between two writes of the alerts, and saveShare by
	// how much longer it is than a write takes.
	saveGap   = 50 * time.Millisecond
	saveShare = 20
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
	// Watch has whoever stores samples tell the index of them from then on, and
	// returns when none is being stored that it is not told of; nil: rules are
	// evaluated on their interval only.
	Watch func(*trigger.Index)
	// Storing is for how long samples have been stored so far, by all who do together.
	// The more processors that takes, the longer waits what is woken and can wait. It
	// may be nil.
	Storing func() time.Duration
	// Now is the clock by which rules are evaluated, which may be set; nil stands for
	// time.Now.
	Now func() time.Time
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
	if o.Now == nil {
		o.Now = time.Now
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
	options  Options
	logger   *slog.Logger
	query    rules.QueryFunc
	newest   *newest
	now      func() time.Time
	pace     *pace
	freezer  *freezer
	state    *state
	schedule *schedule

	groupMetrics, shadowMetrics *rules.Metrics

	reloading sync.Mutex
	groupsMu  sync.Mutex
	groups    map[string]*group

	start, stop sync.Once
	started     atomic.Bool
	// ctx ends running queries, ending ends the groups, done ends the writing of
	// what is kept.
	ctx        context.Context
	cancel     context.CancelFunc
	ending     context.Context
	endGroups  context.CancelFunc
	endWatch   context.CancelFunc // guarded by reloading
	done       chan struct{}
	work       sync.WaitGroup // groups and schedule
	background sync.WaitGroup

	sent, incomplete, woken *metrics.Counter
}

// New makes an Evaluator without rules. It reads what an earlier run left in
// DataDir and makes the directory where it is missing.
func New(options Options) (*Evaluator, error) {
	if err := options.validate(); err != nil {
		return nil, err
	}
	frozenPath, statePath := "", ""
	if options.DataDir != "" {
		if err := os.MkdirAll(options.DataDir, 0o750); err != nil {
			return nil, fmt.Errorf("evaluating rules: %w", err)
		}
		frozenPath, statePath = filepath.Join(options.DataDir, "firing-alerts.json"), filepath.Join(options.DataDir, "alerts.json")
	}
	kept, err := newFreezer(frozenPath, options.Now().Add(options.Lookback))
	if err != nil {
		options.Logger.Warn("Alerts that were firing take their team and names anew", "err", err)
	}
	e := &Evaluator{
		options:       options,
		logger:        options.Logger,
		now:           options.Now,
		pace:          newPace(options.Now),
		freezer:       kept,
		groups:        map[string]*group{},
		groupMetrics:  rules.NewGroupMetrics(options.Registerer),
		shadowMetrics: rules.NewGroupMetrics(nil),
		done:          make(chan struct{}),
		sent:          options.Metrics.NewCounter("belfry_alerts_sent_total"),
		woken:         options.Metrics.NewCounter("belfry_rules_woken_total"),
		incomplete:    options.Metrics.NewCounter("belfry_alerts_evidence_incomplete_total"),
	}
	e.newest = &newest{Queryable: options.Queryable, evaluator: e}
	e.query = rules.EngineQueryFunc(options.Engine, e.newest)
	e.schedule = newSchedule(e)
	if e.state, err = newState(e, statePath); err != nil {
		options.Logger.Warn("Alerts wait anew", "err", err)
	}
	options.Metrics.NewGauge("belfry_rules_lag_seconds", func() float64 { return e.Lag().Seconds() })
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.ending, e.endGroups = context.WithCancel(context.Background())
	return e, nil
}

// Start begins to evaluate. The store must be readable by now.
func (e *Evaluator) Start() {
	e.start.Do(func() {
		e.background.Go(e.keep)
		for range workers() {
			e.work.Go(func() { e.schedule.run(e.ending, e.ctx) })
		}
		e.groupsMu.Lock()
		defer e.groupsMu.Unlock()
		e.started.Store(true)
		for _, g := range e.groups {
			e.begin(g)
		}
	})
}

// Stop ends the evaluation after the iterations that are under way, and writes
// what is kept. When ctx ends, their queries are cancelled, and Stop returns
// its error. An Evaluator that has been stopped does not start again.
func (e *Evaluator) Stop(ctx context.Context) error {
	var err error
	e.stop.Do(func() {
		e.Start()
		e.reloading.Lock() // no group begins any more
		defer e.reloading.Unlock()
		e.endGroups()
		for _, g := range e.running() {
			close(g.stop)
		}
		stopped := make(chan struct{})
		go func() {
			e.work.Wait()
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
		e.state.changed()
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
	if e.ending.Err() != nil {
		return nil
	}
	next := map[string]*group{}
	for _, file := range set.Sources() {
		loaded, errs := set.Load(file, false, model.UTF8Validation)
		if len(errs) > 0 {
			return fmt.Errorf("taking over rules: %w", errors.Join(errs...))
		}
		for _, def := range loaded.Groups {
			g, err := e.newGroup(set, file, def)
			if err != nil {
				return fmt.Errorf("taking over rules: %w", err)
			}
			next[rules.GroupKey(file, def.Name)] = g
		}
	}
	e.replace(next)
	return nil
}

// replace stops the groups that are gone or changed, and starts the others.
func (e *Evaluator) replace(next map[string]*group) {
	e.groupsMu.Lock()
	before := e.groups
	e.groupsMu.Unlock()
	var begin []*group
	now := e.now()
	for key, g := range next {
		old, ok := before[key]
		switch {
		case ok && old.definition == g.definition:
			next[key] = old
			continue
		case ok:
			e.quit(old)
			g.takeOver(old)
		default:
			e.state.restore(g, now)
		}
		begin = append(begin, g)
	}
	for key, old := range before {
		if next[key] == nil {
			e.quit(old)
			for _, r := range old.rules {
				old.endSeries(r)
			}
			e.end(e.ctx, e.now().Add(time.Millisecond), old.ended)
			e.forgetMetrics(key)
		}
	}
	e.groupsMu.Lock()
	e.groups = next
	e.groupsMu.Unlock()
	e.state.loaded.Store(true)
	e.watch() // before all is evaluated, so that nothing is missed in between
	e.groupsMu.Lock()
	if e.started.Load() {
		for _, g := range begin {
			e.begin(g)
		}
	}
	e.groupsMu.Unlock()
	e.pace.keep(e.running())
}

// begin evaluates a group at once, and then on its interval.
func (e *Evaluator) begin(g *group) {
	for _, r := range g.rules {
		e.schedule.whole(r)
	}
	e.work.Go(func() { g.run(e.ctx) })
}

// quit stops a group and waits for what it is doing.
func (e *Evaluator) quit(g *group) {
	close(g.stop)
	if e.started.Load() {
		<-g.stopped
	}
	for _, r := range g.rules {
		r.gone.Store(true)
		r.mu.Lock()   // an evaluation that is under way has been taken
		r.mu.Unlock() //nolint:staticcheck // nothing is to be done in between
		e.schedule.forget(r)
	}
}

func (e *Evaluator) forgetMetrics(key string) {
	m := e.groupMetrics
	for _, v := range []interface{ DeleteLabelValues(...string) bool }{
		m.IterationsMissed, m.IterationsScheduled, m.EvalTotal, m.EvalFailures, m.GroupInterval, m.GroupLastEvalTime,
		m.GroupLastDuration, m.GroupRules, m.GroupSamples, m.GroupLastRuleDurationSum, m.GroupLastRestoreDuration,
	} {
		v.DeleteLabelValues(key)
	}
}

// Rules shows the rules and their alerts to upstream's HTTP API.
func (e *Evaluator) Rules() Rules { return Rules{e} }

// Lag is by how much at least half of the groups are late: 0, or within
// milliseconds of it, as long as the machine keeps up.
func (e *Evaluator) Lag() time.Duration { return e.pace.lag(time.Now()) }

// Health says of each group that has begun to be evaluated how it keeps up, in
// the order of files and names.
func (e *Evaluator) Health() []GroupHealth { return e.pace.health(time.Now()) }
