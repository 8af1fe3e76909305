package mqtt

import (
	"sync/atomic"

	"github.com/belfry-city/belfry/collector/input"
)

// Topic says what becomes of messages whose topic matches.
type Topic struct {
	Pattern *Pattern
	Decoder input.Decoder
	// Labels are added to those that the pattern makes.
	Labels []input.Label
}

// Topics are looked through in order; the first that matches counts. They never
// change.
type Topics []Topic

// route is what is known about one topic.
type route struct {
	topic   string
	decoder input.Decoder // nil: no pattern matches
	labels  []input.Label
}

func (ts Topics) route(topic string) *route {
	r := &route{topic: topic}
	for _, t := range ts {
		if labels, ok := t.Pattern.Match(topic, nil); ok {
			r.decoder, r.labels = t.Decoder, append(labels, t.Labels...)
			return r
		}
	}
	return r
}

// Filters are the topic filters of all patterns, without those that others
// cover, so that brokers send each message once where possible.
func (ts Topics) Filters() (filters []string) {
	for i, t := range ts {
		covered := false
		for j, other := range ts {
			if i != j && other.Pattern.covers(t.Pattern) && (!t.Pattern.covers(other.Pattern) || j < i) {
				covered = true
			}
		}
		if !covered {
			filters = append(filters, t.Pattern.Filter())
		}
	}
	return filters
}

// router gives topics their routes. It is replaced as a whole by a reload.
type router struct {
	topics atomic.Pointer[Topics]
}

func newRouter(ts Topics) *router {
	r := &router{}
	r.topics.Store(&ts)
	return r
}

// routes remembers the routes of the topics that one connection uses. It is not
// safe for concurrent use.
type routes struct {
	router *router
	of     *Topics // whose routes are known
	known  map[string]*route
}

// knownRoutes is how many topics a connection may use before its memory of them
// begins anew: gateways stand for many devices.
const knownRoutes = 1024

// find returns the route of a topic that has been checked. The topic is only
// lent.
func (r *routes) find(topic []byte) *route {
	if now := r.router.topics.Load(); now != r.of || r.known == nil {
		r.of, r.known = now, map[string]*route{}
	}
	if known, ok := r.known[string(topic)]; ok {
		return known
	}
	if len(r.known) >= knownRoutes {
		clear(r.known)
	}
	found := r.of.route(string(topic))
	r.known[found.topic] = found
	return found
}
