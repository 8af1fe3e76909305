package watch

import (
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	anomaly "github.com/belfry-city/belfry/alerting/anomaly/model"
)

// group brings the samples of several series together by their time.
//
// An instant begins with the first sample of its time, and is complete when each
// channel has a value that had one in one of the last few instants; or when a
// sample of a later instant comes. What has no value then is NaN, and what comes
// for it later is late. None of this depends on a clock, so that the same log
// always makes the same instants.
//
// Where the file does not name the channels, they are those that have been seen: the model begins
// when a few instants in a row have brought no new one, and begins anew when
// there is another.
type group struct {
	key      []byte // of the group in states; of a series, its labels are the key
	channels []*channel
	open     bool
	instant  int64 // of the samples that are gathered, or were last
	newest   int64 // time of a sample in it
	quiet    int   // instants since there was a new channel
	grown    bool  // in this instant
	values   []float64
}

// channel is one series of a group.
type channel struct {
	labels labels.Labels
	place  int // where channels are named
	last   int64
	value  float64
	has    bool
	missed int // instants since it had a value
}

const (
	// settleInstants bring no new channel before a model begins.
	settleInstants = 3
	// missedInstants is after how many a channel is not waited for.
	missedInstants = 10
	// mostChannels are in one group.
	mostChannels = 256
)

// channelOf finds or adds the channel of a series; nil: it has none.
func (k *track) channelOf(series labels.Labels) *channel {
	g := k.group
	place, named := k.of.Channel(series)
	if len(k.of.Channels) > 0 && !named {
		return nil
	}
	for _, c := range g.channels {
		if labels.Equal(c.labels, series) {
			return c
		}
		if named && c.place == place {
			return nil
		}
	}
	if len(g.channels) >= mostChannels {
		return nil
	}
	c := &channel{labels: series, place: place}
	g.channels = append(g.channels, c)
	slices.SortFunc(g.channels, func(a, b *channel) int {
		if a.place != b.place {
			return a.place - b.place
		}
		return labels.Compare(a.labels, b.labels)
	})
	if !named {
		k.regroup()
	}
	return c
}

// regroup has the model begin anew, since the channels are others.
func (k *track) regroup() {
	if k.model != nil {
		k.of.regrouped.Inc()
	}
	k.model, k.group.grown, k.group.quiet = nil, true, 0
}

// offer gives a sample to a group. Of up to two instants that it completes, yield
// is called with the verdict.
func (k *track) offer(c *channel, t int64, v float64, yield func(int64, anomaly.Verdict)) skip {
	if c == nil {
		return skipChannel
	}
	if why := k.refuses(c.last, t, v); why != taken {
		return why
	}
	g, at := k.group, t
	if align := k.of.Align.Milliseconds(); align > 0 {
		at -= (t%align + align) % align
	}
	if at < g.instant || at == g.instant && !g.open && g.instant != 0 {
		return skipLate
	}
	if g.open && at > g.instant {
		k.complete(yield)
	}
	if !g.open {
		g.open, g.instant, g.newest = true, at, t
	}
	c.last, c.value, c.has = t, v, true
	g.newest = max(g.newest, t)
	if k.model == nil && len(k.of.Channels) > 0 {
		k.model = k.of.New(len(k.of.Channels))
	}
	if k.model != nil && g.whole(max(len(k.of.Channels), len(g.channels))) {
		k.complete(yield)
	}
	return taken
}

// whole says whether nothing more is waited for. A channel that is named is
// waited for also before it has come.
func (g *group) whole(channels int) bool {
	come := 0
	for _, c := range g.channels {
		if !c.has && c.missed < missedInstants {
			return false
		}
		come++
	}
	return come == channels || g.quiet >= missedInstants
}

// complete ends the instant.
func (k *track) complete(yield func(int64, anomaly.Verdict)) {
	g := k.group
	if g.quiet++; g.grown {
		g.grown, g.quiet = false, 0
	}
	g.quiet = min(g.quiet, missedInstants)
	if k.model == nil && g.quiet >= settleInstants {
		k.model = k.of.New(len(g.channels))
	}
	g.values = g.values[:0]
	for range max(len(k.of.Channels), len(g.channels)) {
		g.values = append(g.values, math.NaN())
	}
	for i, c := range g.channels {
		if len(k.of.Channels) > 0 {
			i = c.place
		}
		if c.missed++; c.has {
			g.values[i], c.missed = finite(c.value), 0
		}
		c.missed = min(c.missed, missedInstants)
		c.has = false
	}
	g.open, k.last = false, g.newest
	if k.model != nil {
		yield(g.newest, k.observe(g.newest, g.values))
	}
}
