package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
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

// The past that questions are about, seen from the instant at which both
// servers' answers are compared.
const (
	historyFrom = -(23*time.Hour + 40*time.Minute)
	cityFrom    = -time.Hour
	cityStep    = 30 * time.Second
)

// asking is one comparison of answers.
type asking struct {
	opt       Options
	city      *city.City
	questions []question
	at        time.Time // when answers are compared
	past      *influx.Rounds
	// took is by server and question.
	took map[string][][]time.Duration
}

func (r *Result) ask(ctx context.Context, opt Options, c *city.City) error {
	a := asking{
		opt: opt, city: c, questions: questions(c), at: time.Now().Truncate(time.Minute), took: map[string][][]time.Duration{},
	}
	var err error
	if a.past, err = newLoad(c, opt, a.at.Add(cityFrom), cityStep); err != nil {
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
				return r.meanwhile(ctx, &a, s)
			})
			if err != nil {
				return fmt.Errorf("asking %s: %w", p.Name(), err)
			}
		}
	}
	r.compareAnswers(&a, answers)
	return nil
}

// fill gives the server its past and returns its answers about it.
func (a *asking) fill(ctx context.Context, s *server.Server) ([][]prom.Series, error) {
	encoder, err := influx.NewEncoder(tags()...)
	if err != nil {
		return nil, err
	}
	streams := historyStreams(a.city)
	history, err := influx.NewRounds(streams, encoder, influx.RoundsOptions{Lines: len(streams)})
	if err != nil {
		return nil, err
	}
	// To the minute at which the city's hour begins: VictoriaMetrics shows gaps
	// that Prometheus' five minutes of staleness bridge.
	minutes := int64((cityFrom-historyFrom)/historyStep) + 1
	if _, err := send(ctx, s, history, loadtest.Plan{
		Connections: 1, Samples: minutes * int64(len(streams)), Interval: historyStep, Start: a.at.Add(historyFrom),
	}); err != nil {
		return nil, fmt.Errorf("sending a day of history: %w", err)
	}
	rounds := int64(-cityFrom / cityStep)
	if _, err := send(ctx, s, a.past, loadtest.Plan{
		Connections: a.opt.Connections, Samples: rounds * int64(a.city.Series()), Interval: cityStep,
		Start: a.at.Add(cityFrom + cityStep),
	}); err != nil {
		return nil, fmt.Errorf("sending the last hour: %w", err)
	}
	if err := s.Settle(ctx); err != nil {
		return nil, err
	}
	client := prom.NewClient(s.URL(), "")
	defer client.Close()
	var answers [][]prom.Series
	for i := range a.questions {
		answer, err := a.questions[i].ask(ctx, client, a.at)
		if err != nil {
			return nil, err
		}
		series, err := answer.Series()
		if err != nil {
			return nil, err
		}
		answers = append(answers, series)
	}
	return answers, nil
}

// meanwhile asks all questions in turn, again and again, while readings come
// in at a constant rate.
func (r *Result) meanwhile(ctx context.Context, a *asking, s *server.Server) error {
	now, err := newLoad(a.city, a.opt, time.Now(), time.Second)
	if err != nil {
		return err
	}
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
		report, sendErr = send(sending, s, now, loadtest.Plan{
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
			answer, err := a.questions[i].ask(ctx, client, time.Now())
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
