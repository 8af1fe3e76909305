package hazardapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/alerting/hazard/response"
	"github.com/belfry-city/belfry/internal/httpapi/params"
)

const (
	// statsTime is how much is looked at where nobody says.
	statsTime = 30 * 24 * time.Hour
	// mostSteps and mostGroups bound an answer, and mostCounts what is counted for it.
	mostSteps  = 2000
	mostGroups = 1000
	mostCounts = 2_000_000
	// mostCounting bounds how many are made at a time: other lists have readers of the
	// database then, too.
	mostCounting = 2
	// mostBy is how many columns groups are made of.
	mostBy = 2
)

// statsQuery is what is asked for.
type statsQuery struct {
	hazard.SpanQuery
	step   time.Duration
	limit  int
	after  []string // the values of the last group of the page before
	paging bool
}

// stats serves GET /api/belfry/v1/hazards/stats.
func (h *Handler) stats(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	q, err := h.statsQuery(ctx, r.URL.Query())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if err := h.counting.Acquire(ctx, 1); err != nil {
		h.fail(w, r, fmt.Errorf("too many ask for statistics: %w", err))
		return
	}
	defer h.counting.Release(1)
	tally := response.New(response.Options{From: int64(q.From), To: int64(q.To), Step: q.step.Milliseconds()})
	tooMany := false
	err = h.opts.Hazards.Spans(ctx, q.SpanQuery, func(s *hazard.Span) {
		if tooMany {
			return
		}
		tally.Add(s)
		if steps := int((q.To - q.From) / hazard.Instant(max(q.step.Milliseconds(), 1))); q.step > 0 && tally.Len()*steps > mostCounts {
			tooMany = true
			cancel()
		}
	})
	if tooMany {
		err = badRequest{fmt.Errorf("step: there are more than %d groups, and too many steps of each; ask for less time, or a longer step", tally.Len()-1)}
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, q.answer(tally))
}

// statsAnswer is in docs/api.md.
type statsAnswer struct {
	From   hazard.Instant   `json:"from"`
	To     hazard.Instant   `json:"to"`
	Times  []hazard.Instant `json:"times,omitempty"` // when steps begin
	Groups []shownGroup     `json:"groups"`
	Total  int              `json:"total"`
	Next   string           `json:"next,omitempty"`
}

type shownGroup struct {
	by    []string
	group *response.Group
}

func (q *statsQuery) answer(t *response.Tally) statsAnswer {
	a := statsAnswer{From: q.From, To: q.To, Groups: []shownGroup{}, Total: t.Len()}
	if q.step > 0 {
		for at := q.From; at < q.To; at += hazard.Instant(q.step.Milliseconds()) {
			a.Times = append(a.Times, at)
		}
	}
	for _, g := range t.Groups() {
		if q.paging && slices.Compare(g.Values, q.after) <= 0 {
			continue
		}
		if len(a.Groups) == q.limit {
			last, _ := json.Marshal(a.Groups[len(a.Groups)-1].group.Values) // texts
			a.Next = base64.RawURLEncoding.EncodeToString(last)
			break
		}
		a.Groups = append(a.Groups, shownGroup{q.By, g})
	}
	return a
}

// MarshalJSON implements json.Marshaler: the columns are keys beside the counts.
func (s shownGroup) MarshalJSON() ([]byte, error) {
	type class struct {
		UpTo  *float64 `json:"up_to_seconds"`
		Count int      `json:"count"`
	}
	bounds := response.AgeBounds()
	classes := make([]class, 0, len(bounds)+1)
	for i, n := range s.group.Ages {
		c := class{Count: n}
		if i < len(bounds) {
			c.UpTo = &bounds[i]
		}
		classes = append(classes, c)
	}
	fields := map[string]any{
		"opened": s.group.Opened, "resolved": s.group.Resolved, "open": s.group.Open, "reopened": s.group.Reopened, "repeats": s.group.Repeats,
		"time_to_resolve_seconds": s.group.ToResolve, "time_to_page_seconds": s.group.ToPage, "open_by_age": classes,
	}
	if s.group.Counts != nil {
		fields["counts"] = s.group.Counts
	}
	for i, by := range s.by {
		fields[by] = s.group.Values[i]
	}
	return json.Marshal(fields)
}

// statsQuery reads the parameters.
func (h *Handler) statsQuery(ctx context.Context, values url.Values) (*statsQuery, error) {
	q := &statsQuery{limit: mostGroups}
	s := params.New()
	h.placeFilters(ctx, s, &q.Filter)
	const notGiven = math.MinInt64
	from, to := int64(notGiven), int64(notGiven)
	s.Instant("from", &from)
	s.Instant("to", &to)
	s.Limit("limit", &q.limit)
	s.Text("q", &q.Text)
	s.List("by", &q.By, columns)
	s.Duration("step", &q.step)
	s.One("cursor", q.resume)
	if err := s.Read(values); err != nil {
		return nil, asBadRequest(err)
	}
	if to == notGiven {
		to = time.Now().UnixMilli()
	}
	if from == notGiven {
		from = to - statsTime.Milliseconds()
	}
	if from >= to {
		return nil, badRequest{errors.New("from: want a time before to, which is exclusive; nothing can be between them")}
	}
	if q.step > 0 && (to-from)/max(q.step.Milliseconds(), 1) >= mostSteps {
		return nil, badRequest{fmt.Errorf("step: want at most %d steps between from and to; got one of %s", mostSteps, q.step)}
	}
	if q.paging && len(q.after) != len(q.By) {
		return nil, badRequest{fmt.Errorf("cursor: %w", errStatsCursor)}
	}
	q.From, q.To = hazard.Instant(from), hazard.Instant(to)
	return q, nil
}

// columns refuses what hazards are not grouped by.
func columns(by []string) error {
	if len(by) > mostBy {
		return fmt.Errorf("want at most %d columns; got %d", mostBy, len(by))
	}
	for i, one := range by {
		if err := params.OneOf(one, hazard.SpanColumns()); err != nil {
			return err
		}
		if slices.Contains(by[:i], one) {
			return fmt.Errorf("want each column once; got %s again", strings.Join(by, ", "))
		}
	}
	return nil
}

var errStatsCursor = errors.New("want what the page before has as next, with the same by")

func (q *statsQuery) resume(cursor string) error {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || json.Unmarshal(text, &q.after) != nil {
		return errStatsCursor
	}
	q.paging = true
	return nil
}
