package intake_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/plate"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// withoutPlates is an intake as the city has it.
func withoutPlates(t *testing.T, s *tsdb.Store) *intake.Intake {
	t.Helper()
	return intake.New(intake.Options{Store: s, Metrics: metrics.NewSet(), Lag: func() time.Duration { return 0 }, Redactor: plate.Redactor{}})
}

func write(t *testing.T, in *intake.Intake, body string) intake.Result {
	t.Helper()
	var p lineproto.Parser
	res, err := in.Write(t.Context(), intake.Source{Input: "test"}, func(b *reading.Batch) bool {
		p.ParseSome(b, []byte(body), lineproto.Position{Line: 1}, 1000, lineproto.Options{Now: time.Now().UnixMilli()})
		return false
	}, lineproto.Speller{})
	require.NoError(t, err)
	return res
}

// names are all names and values of labels in the store.
func names(t *testing.T, s *tsdb.Store) string {
	t.Helper()
	q, err := s.Querier(0, time.Now().Add(time.Hour).UnixMilli())
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	var all strings.Builder
	set := q.Select(t.Context(), true, nil, labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".+"))
	for set.Next() {
		all.WriteString(set.At().Labels().String() + "\n")
	}
	require.NoError(t, set.Err())
	return all.String()
}

func TestALabelWhoseNameIsAPlateIsNotKept(t *testing.T) {
	s := openStore(t, nil)
	write(t, withoutPlates(t, s), "ff,asset=F1,渝A66X66=1 value=1\nff,asset=F2,渝AD12345=1,x=y value=1\nff,asset=F3,粤B·12345=1 value=1\n")
	require.Equal(t, "{__name__=\"ff\", asset=\"F1\"}\n{__name__=\"ff\", asset=\"F2\", x=\"y\"}\n{__name__=\"ff\", asset=\"F3\"}\n", names(t, s))
}

func TestAPlateThatOneTagNamesIsNotKeptInAnother(t *testing.T) {
	s := openStore(t, nil)
	write(t, withoutPlates(t, s), "gate,asset=G1,car=KA66ZZ6666,plate_no=KA66ZZ6666 value=1\n")
	require.Equal(t, "{__name__=\"gate\", asset=\"G1\", car=\"[removed]\"}\n", names(t, s))
}

func TestInstrumentsThatDifferInTheirTagStayTwoSeries(t *testing.T) {
	s := openStore(t, nil)
	require.Equal(t, 2, write(t, withoutPlates(t, s), "scada,tag=TI-1013 value=1\nscada,tag=TI-1014 value=2\n").Samples)
	require.Equal(t, "{__name__=\"scada\", tag=\"TI-1013\"}\n{__name__=\"scada\", tag=\"TI-1014\"}\n", names(t, s))
}

// Exemplars of scraped programs say what they like.
func TestExemplarsForgetPlatesInNamesAndValues(t *testing.T) {
	var kept recorded
	in := intake.New(intake.Options{Store: &kept, Metrics: metrics.NewSet(), Lag: func() time.Duration { return 0 }, Redactor: plate.Redactor{}})
	a := in.Appender(t.Context(), intake.Source{Input: "scrape"})
	e := exemplar.Exemplar{Value: 1, Labels: labels.FromStrings("渝A66X66", "1", "car", "KA66ZZ6666", "plate_no", "KA66ZZ6666", "trace_id", "7", "at", "渝A12345 left")}
	_, err := a.Append(0, labels.FromStrings("__name__", "a_total"), 0, time.Now().UnixMilli(), 1, nil, nil, storage.AOptions{Exemplars: []exemplar.Exemplar{e}})
	require.NoError(t, err)
	require.NoError(t, a.Commit())
	require.Equal(t, []string{`{at="[removed] left", car="[removed]", trace_id="7"}`}, kept.exemplars)
}

// recorded is a store that only writes down the exemplars.
type recorded struct {
	intake.Store
	exemplars []string
}

func (*recorded) NewestTime() (int64, error) { return 0, nil }

func (r *recorded) Append(_ context.Context, b *reading.Batch, _ reading.Speller) (tsdb.Receipt, error) {
	for _, e := range b.Exemplars {
		r.exemplars = append(r.exemplars, e.Exemplar.Labels.String())
	}
	return tsdb.Receipt{Samples: 1}, nil
}

func (*recorded) Sync(context.Context, uint64) error { return nil }

// Two assets must not become one that is called [removed], whose second reading
// is lost without a word.
func TestAssetsAndMetricsThatAreCalledLikePlatesAreRefused(t *testing.T) {
	s := openStore(t, nil)
	res := write(t, withoutPlates(t, s), "lvl,asset=新A00001 value=1\nlvl,asset=川A00012 value=2\nlvl,asset=W1,car=渝A12345 value=3\n渝A12345,asset=W2 value=4\n")
	require.Equal(t, 1, res.Samples)
	require.Equal(t, 3, res.Refused)
	for i, line := range []uint32{1, 2, 4} {
		require.Equal(t, line, res.Refusals[i].Line)
		require.Equal(t, reading.ReasonBadSeries, res.Refusals[i].Reason)
		require.Contains(t, res.Refusals[i].Detail, "looks like a number plate")
		require.NotRegexp(t, "00001|00012|12345", res.Refusals[i].Detail)
	}
	require.Equal(t, "{__name__=\"lvl\", asset=\"W1\", car=\"[removed]\"}\n", names(t, s))
}
