package query

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/sourcegraph/conc/pool"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// Options are what all queries of a data source have in common.
type Options struct {
	Client *client.Client
	// Scrape is how often series have samples: steps are not below it. 0: 15 s.
	Scrape time.Duration
	Lang   wording.Lang
	// Channel returns the channel on which what a query answers is sent again
	// when it changes; nil: nothing is.
	Channel func(m Model, span time.Duration) string
	// Source is the data source's uid, for links that go by way of it.
	Source string
}

// concurrent is how many queries of one panel run at the same time.
const concurrent = 6

// DefaultScrape is Options.Scrape where nothing else is said.
const DefaultScrape = 15 * time.Second

// Runner answers queries. It is safe for concurrent use.
type Runner struct{ Options }

// New makes a runner.
func New(o Options) *Runner {
	if o.Scrape <= 0 {
		o.Scrape = DefaultScrape
	}
	if o.Lang == "" {
		o.Lang = wording.English
	}
	return &Runner{o}
}

// asked is one query on its way.
type asked struct {
	*Runner
	Model
	from, to time.Time
	now      time.Time
	interval time.Duration
	points   int64
	lang     wording.Lang
	alerting bool // asked by a rule of Grafana's: only numbers and times
	tables   bool // more than one query of the panel gives a table
	// partly says what the answer leaves out.
	partly string
}

func (a *asked) say(t wording.Text, args ...any) string { return t.In(a.lang, args...) }

// Request is the queries of one panel.
type Request struct {
	Queries  []backend.DataQuery
	Alerting bool
}

// Run answers the queries side by side; each has an answer or an error of its
// own. All answers together are below what Grafana takes.
func (r *Runner) Run(ctx context.Context, req Request) backend.Responses {
	responses := make(backend.Responses, len(req.Queries))
	var mu sync.Mutex
	answer := func(id string, resp backend.DataResponse) {
		mu.Lock()
		defer mu.Unlock()
		responses[id] = resp
	}
	models := make([]*asked, 0, len(req.Queries))
	tables := 0
	for _, q := range req.Queries {
		m, err := Parse(q.JSON)
		if err != nil {
			answer(q.RefID, failure(err, m.Language(r.Lang)))
			continue
		}
		m.RefID = q.RefID
		if m.Kind == KindMetrics && m.Format == formatTable {
			tables++
		}
		models = append(models, &asked{
			Runner: r, Model: m, from: q.TimeRange.From.UTC(), to: q.TimeRange.To.UTC(), now: time.Now(), interval: q.Interval, points: q.MaxDataPoints,
			lang: m.Language(r.Lang), alerting: req.Alerting,
		})
	}
	p := pool.New().WithMaxGoroutines(concurrent)
	for _, a := range models {
		a.tables = tables > 1
		p.Go(func() { answer(a.RefID, a.answer(ctx)) })
	}
	p.Wait()
	fit(responses, answerBytes, models)
	for _, a := range models {
		if a.alerting && a.partly != "" {
			responses[a.RefID] = failure(errors.New(a.say(wording.Text{
				EN: "An alert rule has to see everything, and this is too much. %s",
				ZH: "告警规则必须看到全部数据，而这里过多。%s",
			}, a.partly)), a.lang)
		}
	}
	return responses
}

// leaveOut puts a notice on a frame about what is not in it.
func (a *asked) leaveOut(f *data.Frame, text string) {
	a.partly = cmp.Or(a.partly, text)
	f.AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: text})
}

// answer runs one query. A panic is that query's error, not the end of the
// plugin.
func (a *asked) answer(ctx context.Context) (resp backend.DataResponse) {
	defer func() {
		if p := recover(); p != nil {
			backend.Logger.Error("a query panicked", "kind", a.Kind, "panic", p, "stack", string(debug.Stack()))
			resp = backend.DataResponse{Status: backend.StatusInternal, ErrorSource: backend.ErrorSourcePlugin, Error: errors.New(a.say(wording.Text{EN: "the plugin made a mistake: %v", ZH: "插件内部出错：%v"}, p))}
		}
	}()
	frames, err := a.frames(ctx)
	if err != nil {
		return failure(err, a.lang)
	}
	if a.Live && a.Channel != nil && !a.alerting && len(frames) > 0 && a.canLive() {
		a.follow(ctx, frames[0])
	}
	for _, f := range frames {
		f.RefID = a.RefID
	}
	return backend.DataResponse{Frames: frames, Status: backend.StatusOK}
}

func (a *asked) frames(ctx context.Context) (data.Frames, error) {
	switch a.Kind {
	case KindHazards:
		return a.hazards(ctx)
	case KindAssets:
		return a.assets(ctx)
	case KindEvents:
		return a.events(ctx)
	case KindAnomalies:
		return a.anomalies(ctx)
	case KindResponse:
		return a.response(ctx)
	default:
		return a.metrics(ctx)
	}
}

// failure is the answer to an error, in the language of who asked.
func failure(err error, lang wording.Lang) backend.DataResponse {
	var known *client.Error
	if !errors.As(err, &known) {
		return backend.DataResponse{Error: errors.New(wording.Say(err, lang)), Status: backend.StatusBadRequest, ErrorSource: backend.ErrorSourceDownstream}
	}
	return backend.DataResponse{Error: errors.New(known.In(lang)), Status: status(known), ErrorSource: backend.ErrorSourceDownstream}
}

func status(e *client.Error) backend.Status {
	switch e.Kind {
	case client.Timeout:
		return backend.StatusTimeout
	case client.Canceled:
		return backend.Status(499)
	case client.BadRequest, client.BadURL, client.TooLarge, client.TooLong:
		return backend.StatusBadRequest
	case client.TokenRefused, client.Forbidden:
		// Not 401: Grafana takes that for its own session, and logs people out.
		return backend.StatusForbidden
	case client.NotFound:
		return backend.StatusNotFound
	case client.Busy:
		if e.Status == http.StatusTooManyRequests {
			return backend.StatusTooManyRequests
		}
		return backend.Status(http.StatusServiceUnavailable)
	default:
		return backend.StatusBadGateway
	}
}
