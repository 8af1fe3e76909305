package client

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strconv"
	"time"
)

// Range is a question about a stretch of time; both ends belong to it.
type Range struct {
	Expr       string
	Start, End time.Time
	Step       time.Duration
}

// Query evaluates a PromQL expression at one instant.
func (c *Client) Query(ctx context.Context, expr string, at time.Time) (*Result, error) {
	return c.evaluate(ctx, "query", url.Values{"query": {expr}, "time": {seconds(at)}})
}

// QueryRange evaluates a PromQL expression at each step.
func (c *Client) QueryRange(ctx context.Context, r Range) (*Result, error) {
	return c.evaluate(ctx, "query_range", url.Values{
		"query": {r.Expr}, "start": {seconds(r.Start)}, "end": {seconds(r.End)}, "step": {strconv.FormatFloat(r.Step.Seconds(), 'f', -1, 64)},
	})
}

func (c *Client) evaluate(ctx context.Context, route string, form url.Values) (*Result, error) {
	var result *Result
	err := c.post(ctx, c.at("api", "v1", route), form, func(r io.Reader) (err error) {
		result, err = decodeResult(r, c.limits)
		if body, ok := r.(*bounded); ok && body.over && result != nil && len(result.Series) > 0 {
			result.Cut = true
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// Exemplar is one sample with where it comes from.
type Exemplar struct {
	Series map[string]string // labels of the series
	Labels map[string]string // of the exemplar, such as trace_id
	Value  float64
	Time   time.Time
}

// Exemplars returns those of the series that an expression reads.
func (c *Client) Exemplars(ctx context.Context, expr string, start, end time.Time) (found []Exemplar, err error) {
	type sample struct {
		Labels    map[string]string `json:"labels"`
		Value     string            `json:"value"`
		Timestamp float64           `json:"timestamp"`
	}
	type group struct {
		SeriesLabels map[string]string `json:"seriesLabels"`
		Exemplars    []sample          `json:"exemplars"`
	}
	form := url.Values{"query": {expr}, "start": {seconds(start)}, "end": {seconds(end)}}
	err = c.post(ctx, c.at("api", "v1", "query_exemplars"), form, func(r io.Reader) error {
		groups, err := decodeData[[]group](r)
		for _, g := range groups {
			for _, s := range g.Exemplars {
				v, parseErr := strconv.ParseFloat(s.Value, 64)
				if parseErr != nil || len(found) >= c.limits.Points {
					continue
				}
				found = append(found, Exemplar{Series: g.SeriesLabels, Labels: s.Labels, Value: v, Time: instant(s.Timestamp)})
			}
		}
		return err
	})
	return found, err
}

// Selection says which series are meant, and when they had samples. What is
// zero restricts nothing.
type Selection struct {
	Match      []string // PromQL series selectors; alternatives
	Start, End time.Time
	Limit      int
}

func (s Selection) form() url.Values {
	form := url.Values{}
	for _, m := range s.Match {
		form.Add("match[]", m)
	}
	if !s.Start.IsZero() {
		form.Set("start", seconds(s.Start))
	}
	if !s.End.IsZero() {
		form.Set("end", seconds(s.End))
	}
	if s.Limit > 0 {
		form.Set("limit", strconv.Itoa(s.Limit))
	}
	return form
}

// LabelNames returns the names of the labels of a selection.
func (c *Client) LabelNames(ctx context.Context, s Selection) (names []string, err error) {
	err = c.post(ctx, c.at("api", "v1", "labels"), s.form(), func(r io.Reader) (err error) {
		names, err = decodeData[[]string](r)
		return err
	})
	return names, err
}

// LabelValues returns the values that a label has in a selection.
func (c *Client) LabelValues(ctx context.Context, name string, s Selection) (values []string, err error) {
	err = c.get(ctx, c.at("api", "v1", "label", url.PathEscape(name), "values"), s.form(), func(r io.Reader) (err error) {
		values, err = decodeData[[]string](r)
		return err
	})
	return values, err
}

// Series returns the labels of each series of a selection.
func (c *Client) Series(ctx context.Context, s Selection) (series []map[string]string, err error) {
	err = c.post(ctx, c.at("api", "v1", "series"), s.form(), func(r io.Reader) (err error) {
		series, err = decodeData[[]map[string]string](r)
		return err
	})
	return series, err
}

// decodeData reads the data of an answer of the Prometheus API.
func decodeData[T any](r io.Reader) (T, error) {
	var answer struct {
		Data *T `json:"data"`
	}
	err := json.NewDecoder(r).Decode(&answer)
	if err == nil && answer.Data == nil {
		err = errShape
	}
	if err != nil {
		var none T
		return none, err
	}
	return *answer.Data, nil
}

func seconds(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64)
}
