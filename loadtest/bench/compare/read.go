package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/loadtest"
	"github.com/belfry-city/belfry/loadtest/bench/server"
	"github.com/belfry-city/belfry/loadtest/city"
	"github.com/belfry-city/belfry/loadtest/influx"
	"github.com/belfry-city/belfry/loadtest/prom"
)

// Read is how one server answered one question while it ingested.
type Read struct {
	Asked int     `json:"asked"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	Bytes int     `json:"answer_bytes"`
}

// Meanwhile is how it ingested while it answered.
type Meanwhile struct {
	PerSecond float64 `json:"samples_per_second"`
	P50       float64 `json:"ack_p50_ms"`
	P99       float64 `json:"ack_p99_ms"`
	CPU       float64 `json:"server_cpu_ns_per_sample"` // answering included
	PeakRSS   float64 `json:"peak_rss_mb"`
}

// The past that questions are about, seen from the instant at which the answers
// are compared. Prometheus' head treats what is more than an hour older than its
// newest sample as late, as nothing that is measured here would be in life,
// save the history.
const (
	historyFrom = -(23*time.Hour + 40*time.Minute)
	cityFrom    = -time.Hour
	cityStep    = 30 * time.Second
)

// asking is one comparison of answers. The loads are the same for all servers,
// value by value; only their instants differ.
type asking struct {
	opt       Options
	questions []question
	history   loadtest.Load // of some sensors
	past      loadtest.Load // the last hour of the city
	now       loadtest.Load
	perRound  int64 // samples
	// took is by server and question.
	took map[string][][]time.Duration
}

func newAsking(opt Options, c *city.City) (*asking, error) {
	a := &asking{opt: opt, questions: questions(c), perRound: int64(c.Series()), took: map[string][][]time.Duration{}}
	encoder, err := influx.NewEncoder(tags()...)
	if err != nil {
		return nil, err
	}
	const ready = 60
	streams, start := historyStreams(c), time.Now()
	a.history, err = influx.NewRounds(streams, encoder, influx.RoundsOptions{
		Lines: len(streams), Ready: ready, Start: start, Step: historyStep,
	})
	if err != nil {
		return nil, err
	}
	if a.past, err = newLoad(c, opt, start, cityStep); err != nil {
		return nil, err
	}
	a.now, err = newLoad(c, opt, start.Add(-cityFrom), time.Second)
	return a, err
}

func (r *Result) ask(ctx context.Context, opt Options, c *city.City) error {
	a, err := newAsking(opt, c)
	if err != nil {
		return err
	}
	answers := map[string][][]prom.Series{}
	for repeat := range opt.AskRepeats {
		for _, p := range opt.Products {
			opt.Say("questions %d of %d: %s", repeat+1, opt.AskRepeats, p.Name())
			err := with(ctx, p, opt.Dir, func(s *server.Server) (err error) {
				if answers[p.Name()], err = a.fill(ctx, s); err != nil {
					return err
				}
				return r.meanwhile(ctx, a, s)
			})
			if err != nil {
				return fmt.Errorf("asking %s: %w", p.Name(), err)
			}
		}
	}
	r.compareAnswers(a, answers)
	return nil
}

// fill gives the server its past and returns its answers about it. It ends
// when the past has passed.
func (a *asking) fill(ctx context.Context, s *server.Server) ([][]prom.Series, error) {
	at := time.Now().Add(a.opt.FillTime).Truncate(time.Second)
	minutes := int64((cityFrom-historyFrom)/historyStep) + 1 // VictoriaMetrics would show a gap
	if _, err := send(ctx, s, a.history, loadtest.Plan{
		Connections: 1, Samples: minutes * int64(a.history.Samples(0)), Interval: historyStep, Start: at.Add(historyFrom),
	}); err != nil {
		return nil, fmt.Errorf("sending a day of history: %w", err)
	}
	rounds := int64(-cityFrom / cityStep)
	if _, err := send(ctx, s, a.past, loadtest.Plan{
		Connections: a.opt.Connections, Samples: rounds * a.perRound, Interval: cityStep, Start: at.Add(cityFrom + cityStep),
	}); err != nil {
		return nil, fmt.Errorf("sending the last hour: %w", err)
	}
	if err := s.Settle(ctx); err != nil {
		return nil, err
	}
	answers, err := a.answers(ctx, s, at)
	if err != nil {
		return nil, err
	}
	// The last round of the past is of this very instant; what follows must not be.
	select {
	case <-time.After(time.Until(at.Add(time.Second))):
	case <-ctx.Done():
	}
	return answers, ctx.Err()
}

// answers has the instants of its samples relative to at.
func (a *asking) answers(ctx context.Context, s *server.Server, at time.Time) (all [][]prom.Series, err error) {
	client := prom.NewClient(s.URL(), "")
	defer client.Close()
	// Or else VictoriaMetrics rounds a range to its step.
	client.Extra = url.Values{"nocache": {"1"}}
	for i := range a.questions {
		answer, err := a.questions[i].ask(ctx, client, at)
		if err != nil {
			return nil, err
		}
		series, err := answer.Series()
		if err != nil {
			return nil, err
		}
		for _, s := range series {
			for i := range s.Samples {
				s.Samples[i].Time -= float64(at.Unix())
			}
		}
		all = append(all, series)
	}
	return all, nil
}

// meanwhile asks all questions in turn, again and again, while readings come
// in at a constant rate.
func (r *Result) meanwhile(ctx context.Context, a *asking, s *server.Server) error {
	before, err := s.Used()
	if err != nil {
		return err
	}
	sending, stop := context.WithCancel(ctx)
	defer stop()
	var ingest conc.WaitGroup
	var report *loadtest.Report
	var sendErr error
	ingest.Go(func() {
		report, sendErr = send(sending, s, a.now, loadtest.Plan{
			Connections: a.opt.Connections, Rate: a.opt.Rate, Duration: time.Hour,
		})
	})
	sizes, askErr := a.repeatedly(ctx, s)
	stop()
	ingest.Wait()
	if err := errors.Join(askErr, sendErr); err != nil {
		return err
	}
	after, err := s.Used()
	if err != nil {
		return err
	}
	r.Reads[s.Name()] = a.reads(s.Name(), sizes)
	r.Meanwhile[s.Name()] = append(r.Meanwhile[s.Name()], Meanwhile{
		PerSecond: report.PerSecond, P50: report.Latency.P50, P99: report.Latency.P99,
		CPU:     float64(after.CPU-before.CPU) / float64(report.Acknowledged),
		PeakRSS: float64(after.PeakRSS) / (1 << 20),
	})
	return nil
}

// repeatedly asks, and returns the sizes of the last answers.
func (a *asking) repeatedly(ctx context.Context, s *server.Server) (sizes []int, err error) {
	client := prom.NewClient(s.URL(), "")
	defer client.Close()
	sizes = make([]int, len(a.questions))
	if a.took[s.Name()] == nil {
		a.took[s.Name()] = make([][]time.Duration, len(a.questions))
	}
	took := a.took[s.Name()]
	const warmUp = 3
	for round := range warmUp + a.opt.Asked {
		for i := range a.questions {
			answer, err := a.questions[i].ask(ctx, client, time.Now().Truncate(time.Second))
			if err != nil {
				return nil, err
			}
			if round >= warmUp {
				took[i] = append(took[i], answer.Took)
			}
			sizes[i] = len(answer.Body)
		}
	}
	return sizes, nil
}

func (a *asking) reads(name string, sizes []int) []Read {
	var reads []Read
	for i, took := range a.took[name] {
		took = slices.Sorted(slices.Values(took))
		reads = append(reads, Read{
			Asked: len(took), P50: quantile(took, 0.5), P99: quantile(took, 0.99), Bytes: sizes[i],
		})
	}
	return reads
}

// quantile is the nearest rank of sorted times, in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	rank := max(1, int(math.Ceil(q*float64(len(sorted)))))
	return float64(sorted[rank-1].Microseconds()) / 1000
}

func (r *Result) compareAnswers(a *asking, answers map[string][][]prom.Series) {
	for i := range a.questions {
		q := &a.questions[i]
		out := Question{Name: q.name, Expr: q.expr}
		first := answers[a.opt.Products[0].Name()][i]
		out.Series = len(first)
		for _, p := range a.opt.Products[1:] {
			out.Difference = q.same.difference(first, answers[p.Name()][i])
		}
		r.Questions = append(r.Questions, out)
	}
}
