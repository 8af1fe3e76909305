package watch

import (
	"context"
	"errors"
	"math"

	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/sourcegraph/conc"

	anomaly "github.com/belfry-city/belfry/alerting/anomaly/model"
)

// shard is the tracks that one worker looks after.
type shard struct {
	samples []sample
	scores  []score
	skips   [skips]int
	value   [1]float64 // what models of single series are given
}

// score is a verdict that is to be stored.
type score struct {
	k    *track
	t    int64
	v    anomaly.Verdict
	ends bool // what is stored ends here, so that nobody takes it for what is now
}

// alone is up to how many samples one goroutine does them all.
const alone = 256

// observe gives what was gathered to models.
func (w *Watcher) observe(samples int) {
	if samples <= alone {
		for _, s := range w.shards {
			s.observe()
		}
	} else {
		var work conc.WaitGroup
		for _, s := range w.shards {
			if len(s.samples) > 0 {
				work.Go(s.observe)
			}
		}
		work.Wait()
	}
	for _, s := range w.shards {
		w.out = append(w.out, s.scores...)
		s.samples, s.scores = s.samples[:0], s.scores[:0]
		for why, n := range s.skips {
			if n == 0 {
				continue
			}
			name := skip(why).String()
			if w.replaying && (skip(why) == skipLate || skip(why) == skipSame) {
				name = "replayed"
			}
			w.metrics.skipped(name).Add(n)
		}
		s.skips = [skips]int{}
	}
}

func (s *shard) observe() {
	for _, one := range s.samples {
		k := one.to.track
		if k.group == nil {
			v, why := k.sample(one.t, one.v, s.value[:])
			if why == taken {
				s.say(k, one.t, v)
				continue
			}
			s.skips[why]++
			if why == skipStale && k.first != 0 {
				s.scores = append(s.scores, score{k: k, t: one.t, ends: true})
			}
			continue
		}
		if !one.to.asked {
			one.to.asked, one.to.channel = true, k.channelOf(one.to.of.labels)
		}
		if why := k.offer(one.to.channel, one.t, one.v, func(t int64, v anomaly.Verdict) { s.say(k, t, v) }); why != taken {
			s.skips[why]++
		}
	}
}

func (s *shard) say(k *track, t int64, v anomaly.Verdict) {
	k.of.scored.Inc()
	if v.Score > 1 {
		k.of.anomalous.Inc()
	}
	s.scores = append(s.scores, score{k: k, t: t, v: v})
}

// store stores what models have said; what it cannot is kept in w.out.
func (w *Watcher) store(ctx context.Context) error {
	const atOnce = 4096
	done := 0
	var err error
	for done < len(w.out) && err == nil {
		n := min(atOnce, len(w.out)-done)
		if err = w.commit(ctx, w.out[done:done+n]); err == nil {
			done += n
		}
	}
	w.out = w.out[:copy(w.out, w.out[done:])]
	return err
}

func (w *Watcher) commit(ctx context.Context, scores []score) error {
	app := w.opts.Store.Appender(ctx)
	// The database stays the one of the appender until that is done with.
	if g := w.opts.Store.Generation(); g != w.refsOf {
		for _, k := range w.tracks {
			if k != nil {
				k.forgetRefs()
			}
		}
		w.refsOf = g
	}
	if err := w.lookUpStored(ctx, scores); err != nil {
		return errors.Join(err, app.Rollback())
	}
	for i := range scores {
		if err := w.append(app, &scores[i]); err != nil {
			return errors.Join(err, app.Rollback())
		}
	}
	return app.Commit()
}

func (k *track) forgetRefs() {
	for i := range k.outs {
		k.outs[i].ref = 0
	}
}

// append returns an error where the store takes nothing.
func (w *Watcher) append(app storage.Appender, s *score) error {
	for i, o := range s.k.of.Outputs {
		v := valueOf(o, s.v)
		if s.ends {
			v = math.Float64frombits(value.StaleNaN)
		} else if math.IsNaN(v) {
			continue
		}
		out := &s.k.outs[i]
		if w.stored.has(out.lset, s.t) {
			w.metrics.storedBefore.Inc()
			continue
		}
		ref, err := app.Append(out.ref, out.lset, s.t, v)
		switch {
		case err == nil:
			out.ref = ref
		case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
			w.metrics.notStored("conflict").Inc()
		case errors.Is(err, storage.ErrOutOfOrderSample), errors.Is(err, storage.ErrTooOldSample), errors.Is(err, storage.ErrOutOfBounds):
			w.metrics.notStored("too_old").Inc()
		default:
			return err
		}
	}
	return nil
}
