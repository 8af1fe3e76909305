package assetapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/belfry-city/belfry/internal/httpapi/params"
)

// shown is an asset in JSON. docs/api.md explains it.
type shown struct {
	Asset     string           `json:"asset"`
	Name      string           `json:"name"`
	NameZH    string           `json:"name_zh"`
	Domain    string           `json:"domain"`
	Kind      string           `json:"kind"`
	District  string           `json:"district"`
	Street    string           `json:"street"`
	Community string           `json:"community"`
	Team      string           `json:"team"`
	Lat       *float64         `json:"lat"`
	Lon       *float64         `json:"lon"`
	State     string           `json:"state"`
	Hazards   map[string]int32 `json:"hazards"`
	Values    []shownValue     `json:"values"`
	// Thresholds are there where one asset is asked for.
	Thresholds []threshold `json:"thresholds,omitempty"`
}

type threshold struct {
	Metric    string  `json:"metric"`
	Direction string  `json:"direction"`
	Level     string  `json:"level"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
}

func show(e *entry, o open) shown {
	s := shown{
		Asset: e.ID, Name: e.Name, NameZH: e.NameZH, Domain: e.Domain, Kind: e.Kind,
		District: e.District, Street: e.Street, Community: e.Community, Team: e.Team,
		State: o.worst().String(), Hazards: map[string]int32{}, Values: []shownValue{},
	}
	for state := info; state <= critical; state++ {
		s.Hazards[state.String()] = o[state]
	}
	if e.Located() {
		lat, lon := e.Lat, e.Lon
		s.Lat, s.Lon = &lat, &lon
	}
	return s
}

// listed is the answer to a question for assets.
type listed struct {
	Assets []shown `json:"assets"`
	Total  int     `json:"total"`
	// Cut says that there were more values than an answer has.
	Cut  bool   `json:"values_cut,omitempty"`
	Next string `json:"next,omitempty"`
}

// list serves GET /api/belfry/v1/assets.
func (h *Handler) list(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	q, err := readQuery(r.URL.Query())
	if err != nil {
		fail(w, r, badRequest{err})
		return
	}
	answer, err := h.find(ctx, q)
	if err != nil {
		fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// find answers a question for assets.
func (h *Handler) find(ctx context.Context, q *query) (*listed, error) {
	states, err := h.now.get(ctx, q.at)
	if err != nil {
		return nil, err
	}
	var all []*entry
	if q.at == 0 {
		all, err = h.known.get(ctx)
	} else {
		all, err = h.known.at(ctx, q.at)
	}
	if err != nil {
		return nil, err
	}
	// The worst come first, and of these that with the least id, by which all are sorted.
	var byState [critical + 1][]*entry
	answer := &listed{Assets: []shown{}}
	for _, e := range all {
		worst := states[e.ID].worst()
		if !q.matches(e, worst) {
			continue
		}
		answer.Total++
		if len(byState[worst]) <= q.limit && q.follows(e, worst) {
			byState[worst] = append(byState[worst], e)
		}
	}
	for _, some := range slices.Backward(byState[:]) {
		for _, e := range some {
			if len(answer.Assets) == q.limit {
				last := answer.Assets[q.limit-1]
				answer.Next = cursorAfter(last.State, last.Asset)
				return answer, h.values(ctx, q, answer)
			}
			answer.Assets = append(answer.Assets, show(e, states[e.ID]))
		}
	}
	return answer, h.values(ctx, q, answer)
}

// values adds the newest values.
func (h *Handler) values(ctx context.Context, q *query, answer *listed) error {
	if len(q.metrics) == 0 || len(answer.Assets) == 0 {
		return nil
	}
	to := q.time()
	l, err := h.begin(to-q.within.Milliseconds(), to, q.metrics)
	if err != nil {
		return err
	}
	defer func() { _ = l.close() }() // it has only been read
	for i := range answer.Assets {
		found, err := l.of(ctx, answer.Assets[i].Asset)
		if err != nil {
			return err
		}
		if found != nil {
			answer.Assets[i].Values = found
		}
	}
	answer.Cut = l.cut
	return nil
}

// get serves GET /api/belfry/v1/assets/{id}.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	q := &query{limit: 1, within: within}
	s := params.New()
	q.look(s)
	if err := s.Read(r.URL.Query()); err != nil {
		fail(w, r, badRequest{err})
		return
	}
	if len(q.metrics) == 0 {
		q.metrics = []string{every}
	}
	id := r.PathValue("id")
	q.only = &id
	answer, err := h.find(ctx, q)
	if err == nil && len(answer.Assets) == 0 {
		err = errNotFound
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	one := answer.Assets[0]
	one.Thresholds = h.thresholds(id)
	writeJSON(w, http.StatusOK, struct {
		shown
		Cut bool `json:"values_cut,omitempty"`
	}{one, answer.Cut})
}

// thresholds are those of the catalog.
func (h *Handler) thresholds(id string) []threshold {
	a, ok := h.opts.Catalog().Asset(id)
	if !ok {
		return nil
	}
	var all []threshold
	for _, t := range a.Thresholds {
		known, _ := h.opts.Metrics.Of(t.Metric)
		all = append(all, threshold{t.Metric, t.Direction, t.Level, t.Value, known.Unit})
	}
	return all
}

// cursorAfter is where the next page begins.
func cursorAfter(state, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(state + " " + id))
}

func (q *query) readCursor(text string) error {
	wrong := fmt.Errorf("want what the page before has as next; got %q", text)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return wrong
	}
	word, id, found := strings.Cut(string(raw), " ")
	i := slices.Index(stateNames(), word)
	if i < 0 || !found {
		return wrong
	}
	q.after = &place{state(i), id}
	return nil
}

// place is one in the order of assets.
type place struct {
	state state
	id    string
}

// follows says whether an asset comes after the page before.
func (q *query) follows(e *entry, worst state) bool {
	a := q.after
	return a == nil || worst < a.state || worst == a.state && e.ID > a.id
}
