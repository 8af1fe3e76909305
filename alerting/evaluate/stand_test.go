package evaluate_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/belfry-city/belfry/alerting/evaluate"
	"github.com/belfry-city/belfry/alerting/ruleset"
	"github.com/belfry-city/belfry/collector/catalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const interval = 5 * time.Second

// city is a real store and a real engine in a bubble of virtual time, with an
// Evaluator that can be restarted.
type city struct {
	t         *testing.T
	dir       string
	db        *tsdb.DB
	queryable storage.Queryable // what the next start reads
	catalog   atomic.Pointer[catalog.Catalog]
	set       *ruleset.Set
	evaluator *evaluate.Evaluator
	ahead     atomic.Int64 // by how much the clock has been set forward
	inbox     inbox
}

// inBubble runs a story in virtual time.
func inBubble(t *testing.T, story func(t *testing.T, c *city)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &city{t: t, dir: t.TempDir()}
		c.catalog.Store(catalog.Empty())
		c.open()
		defer func() {
			if c.evaluator != nil {
				c.stop()
			}
			require.NoError(t, c.db.Close())
		}()
		story(t, c)
	})
}

func (c *city) open() {
	opts := tsdb.DefaultOptions()
	opts.OutOfOrderTimeWindow = (24 * time.Hour).Milliseconds()
	db, err := tsdb.Open(filepath.Join(c.dir, "tsdb"), promslog.NewNopLogger(), nil, opts, nil)
	require.NoError(c.t, err)
	c.db, c.queryable = db, db
}

// rules sets the rules for the next start or reload.
func (c *city) rules(yaml string) {
	path := filepath.Join(c.dir, "rules.yml")
	require.NoError(c.t, os.WriteFile(path, []byte(yaml), 0o600))
	set, err := ruleset.Load([]string{path}, nil)
	require.NoError(c.t, err)
	c.set = set
}

func (c *city) assets(yaml string) {
	parsed, err := catalog.Parse("catalog.yml", []byte("assets:\n"+yaml))
	require.NoError(c.t, err)
	c.catalog.Store(parsed)
}

func (c *city) options() evaluate.Options {
	return evaluate.Options{
		Queryable:  c.queryable,
		Appendable: c.db,
		Engine: promql.NewEngine(promql.EngineOpts{
			MaxSamples: 1e6, Timeout: time.Minute, EnableAtModifier: true, Parser: parser.NewParser(parser.Options{}),
		}),
		Sender:         &c.inbox,
		Catalog:        c.catalog.Load,
		Interval:       interval,
		Now:            c.now,
		ExternalLabels: labels.FromStrings("city", "chongqing", "team", "nobody"),
		DataDir:        filepath.Join(c.dir, "alerting"),
		Registerer:     prometheus.NewRegistry(),
	}
}

func (c *city) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *city) start() { c.startWith(c.options()) }

func (c *city) startWith(o evaluate.Options) {
	e, err := evaluate.New(o)
	require.NoError(c.t, err)
	require.NoError(c.t, e.Reload(c.set))
	e.Start()
	c.evaluator = e
}

func (c *city) stop() {
	require.NoError(c.t, c.evaluator.Stop(context.Background()))
	c.evaluator = nil
}

// restart is down for a while; the store is closed and opened as well.
func (c *city) restart(down time.Duration) {
	c.stop()
	require.NoError(c.t, c.db.Close())
	<-time.After(down)
	c.open()
	c.start()
}

// report stores one reading of now and says when that is.
func (c *city) report(series labels.Labels, value float64) time.Time {
	now := time.Now().Truncate(time.Millisecond).UTC()
	app := c.db.Appender(c.t.Context())
	_, err := app.Append(0, series, now.UnixMilli(), value)
	require.NoError(c.t, err)
	require.NoError(c.t, app.Commit())
	return now
}

// pass lets time pass, with a reading every second, and returns the first one's time.
func (c *city) pass(d time.Duration, series labels.Labels, value float64) time.Time {
	var first time.Time
	for end := time.Now().Add(d); time.Now().Before(end); {
		if t := c.report(series, value); first.IsZero() {
			first = t
		}
		<-time.After(time.Second)
	}
	synctest.Wait()
	return first
}

func metric(name string, pairs ...string) labels.Labels {
	return labels.FromStrings(append([]string{model.MetricNameLabel, name}, pairs...)...)
}

// delivered is an alert as it was sent.
type delivered struct {
	at          time.Time
	labels      map[string]string
	annotations map[string]string
	startsAt    time.Time
	resolved    bool
	link        string
}

type inbox struct {
	mu   sync.Mutex
	sent []delivered
}

func (i *inbox) Send(alerts ...*notifier.Alert) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, a := range alerts {
		i.sent = append(i.sent, delivered{
			at: time.Now().UTC(), labels: a.Labels.Map(), annotations: a.Annotations.Map(),
			startsAt: a.StartsAt, resolved: a.Resolved(), link: a.GeneratorURL,
		})
	}
}

// take empties the inbox.
func (i *inbox) take() []delivered {
	i.mu.Lock()
	defer i.mu.Unlock()
	sent := i.sent
	i.sent = nil
	return sent
}

// identities lists the labels of what was sent, without repetitions.
func identities(sent []delivered) []map[string]string {
	var all []map[string]string
next:
	for _, d := range sent {
		for _, known := range all {
			if maps.Equal(known, d.labels) {
				continue next
			}
		}
		all = append(all, d.labels)
	}
	return all
}
