package assetapi

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/internal/filter"
	"github.com/belfry-city/belfry/internal/httpapi/assetapi/initials"
	"github.com/belfry-city/belfry/internal/httpapi/params"
)

const (
	// within is how old a newest value may be where nobody says, and mostWithin where
	// somebody does.
	within     = time.Hour
	mostWithin = 24 * time.Hour
	// every stands for all metrics.
	every = "*"
	// mostMetrics bounds how many metrics may be asked for.
	mostMetrics = 100
)

// query is a question for assets.
type query struct {
	domains, teams, districts, streets, communities, assets, states []string

	text     string // in small letters
	initials initials.Query
	metrics  []string
	at       int64 // milliseconds; 0: now
	within   time.Duration
	limit    int
	after    *place
	only     *string // the id of the one that is asked for
}

// look are the parameters of all questions.
func (q *query) look(s *params.Set) {
	s.List("metric", &q.metrics, func(names []string) error {
		if len(names) > mostMetrics {
			return fmt.Errorf("want at most %d metrics, or * for all; got %d", mostMetrics, len(names))
		}
		return nil
	})
	s.Instant("at", &q.at)
	s.DurationWithin("within", time.Millisecond, mostWithin, &q.within)
}

func readQuery(values url.Values) (*query, error) {
	q := &query{limit: params.DefaultLimit, within: within}
	s := params.New()
	q.look(s)
	s.List("domain", &q.domains, params.Words(catalog.Domains()))
	s.List("team", &q.teams, params.Words(catalog.Teams()))
	s.List("state", &q.states, params.Words(stateNames()))
	s.List("district", &q.districts, nil)
	s.List("street", &q.streets, nil)
	s.List("community", &q.communities, nil)
	s.List("asset", &q.assets, nil)
	s.Limit("limit", &q.limit)
	s.One("cursor", q.readCursor)
	s.Text("q", &q.text)
	if err := s.Read(values); err != nil {
		return nil, err
	}
	q.text = strings.ToLower(strings.TrimSpace(q.text))
	q.initials, _ = initials.NewQuery(q.text)
	return q, nil
}

// time is that which is asked for, in milliseconds.
func (q *query) time() int64 {
	if q.at != 0 {
		return q.at
	}
	return time.Now().UnixMilli()
}

func (q *query) matches(e *entry, worst state) bool {
	if q.only != nil {
		return e.ID == *q.only
	}
	return filter.Allows(q.domains, e.Domain) && filter.Allows(q.teams, e.Team) && filter.Allows(q.districts, e.District) &&
		filter.Allows(q.streets, e.Street) && filter.Allows(q.communities, e.Community) && filter.Allows(q.assets, e.ID) &&
		filter.Allows(q.states, worst.String()) && (q.text == "" || e.contains(q.text, q.initials))
}
