package watch

import (
	"math"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
	anomaly "github.com/belfry-city/belfry/alerting/anomaly/model"
)

// watched is a detector that runs.
type watched struct {
	*detector.Detector
	counts
	depends string            // Detector.State
	tracks  map[string]*track // groups of a joint kind, by key
}

// track is what one model watches: a series, or a group of them.
type track struct {
	of    *watched
	in    *input // nil for a group
	group *group // nil for a series
	outs  []output
	model anomaly.Model
	first int64 // times of samples, in milliseconds; 0: there was none
	last  int64
	shard uint32
}

// output is one series that is stored.
type output struct {
	lset labels.Labels
	ref  storage.SeriesRef // of the generation; 0: not known
}

// outputsOf are the series to store, from the labels that they have in common.
func outputsOf(d *detector.Detector, common labels.Labels) []output {
	outs := make([]output, len(d.Outputs))
	for i, o := range d.Outputs {
		b := labels.NewBuilder(common)
		b.Set(model.MetricNameLabel, string(o))
		outs[i].lset = b.Labels()
	}
	return outs
}

// skip is why a sample is not given to a model.
type skip int

const (
	taken       skip = iota
	skipLate         // it is older than one that was given
	skipSame         // it has the time of one
	skipStale        // it says that the series ends
	skipChannel      // another series has its place in the group
	skips
)

// names are what metrics call them.
func (s skip) String() string {
	return [skips]string{"", "late", "same_time", "stale", "channel"}[s]
}

// sample gives a sample to the model of a series, in the one value that is lent.
func (k *track) sample(t int64, v float64, lent []float64) (anomaly.Verdict, skip) {
	why := k.refuses(k.last, t, v)
	if why == skipStale && k.first != 0 {
		k.last = t // what is stored ends there
	}
	if why != taken {
		return anomaly.Verdict{}, why
	}
	k.last = t
	lent[0] = finite(v)
	return k.observe(t, lent), taken
}

func (k *track) refuses(last, t int64, v float64) skip {
	switch {
	case t < last:
		return skipLate
	case t == last && k.first != 0:
		return skipSame
	case value.IsStaleNaN(v):
		return skipStale
	}
	if k.first == 0 {
		k.first = t
	}
	return taken
}

func finite(v float64) float64 {
	if math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

// observe asks the model. One that panics is replaced by a new one: a mistake in
// a model must not end what watches everything else.
func (k *track) observe(t int64, values []float64) (v anomaly.Verdict) {
	defer func() {
		if p := recover(); p != nil {
			k.of.panicked(p)
			k.model = k.of.New(len(values))
			v = silent()
		}
	}()
	v = k.model.Observe(t, values)
	if math.IsNaN(v.Score) || v.Score < 0 {
		v.Score = 0
	}
	if v.Score > 1 && t-k.first < k.of.Warmup.Milliseconds() {
		v.Score = 1
	}
	return v
}

func silent() anomaly.Verdict {
	return anomaly.Verdict{Expected: math.NaN(), Lower: math.NaN(), Upper: math.NaN()}
}

// of is what is stored of a verdict.
func valueOf(o detector.Output, v anomaly.Verdict) float64 {
	switch o {
	case detector.Expected:
		return v.Expected
	case detector.Lower:
		return v.Lower
	case detector.Upper:
		return v.Upper
	default:
		return v.Score
	}
}
