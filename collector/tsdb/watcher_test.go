package tsdb

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
)

// diary is a watcher that writes down what it is told of series whose name
// begins with a word.
type diary struct {
	t     *testing.T
	store *Store
	word  string

	mu    sync.Mutex
	lines []string
	asked int
}

type diarist struct {
	*diary
	series  labels.Labels
	pending []string
}

func (d *diary) Watch(lset labels.Labels, _ bool) Watched {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if !strings.HasPrefix(lset.Get(model.MetricNameLabel), d.word) {
		return nil
	}
	return &diarist{diary: d, series: lset}
}

func (d *diarist) Sample(t int64, v float64, _ int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending = append(d.pending, fmt.Sprint(d.series, " ", v, " ", t))
	return v != 0
}

func (*diarist) Touch() byte { return 0 }

// Visible makes sure that queries see the newest sample.
func (d *diarist) Visible() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, d.pending...)
	d.pending = nil
	q, err := d.store.Querier(0, time.Now().Add(time.Hour).UnixMilli())
	require.NoError(d.t, err)
	defer func() { require.NoError(d.t, q.Close()) }()
	var ms []*labels.Matcher
	d.series.Range(func(l labels.Label) { ms = append(ms, labels.MustNewMatcher(labels.MatchEqual, l.Name, l.Value)) })
	require.True(d.t, q.Select(d.t.Context(), false, nil, ms...).Next())
}

func (d *diary) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return lines
}

func TestAWatcherIsToldOfEverySampleOnce(t *testing.T) {
	s := openStore(t, t.TempDir())
	now := time.Now().UnixMilli()
	write := func(lines ...string) {
		var b reading.Batch
		new(lineproto.Parser).Parse(&b, []byte(strings.Join(lines, "\n")), 1, lineproto.Options{Precision: time.Millisecond, Now: now})
		sp, err := lineproto.NewSpeller(nil)
		require.NoError(t, err)
		_, err = s.Append(t.Context(), &b, sp)
		require.NoError(t, err)
	}
	write("gas,asset=W1 ch4=1,co=2", "pump,asset=P1 rpm=3") // before anybody watches

	first := &diary{t: t, store: s, word: "gas"}
	s.Watch(first)
	write(fmt.Sprintf("gas,asset=W1 ch4=4,co=5 %d", now+1), fmt.Sprintf("pump,asset=P1 rpm=6 %d", now+1))
	write(fmt.Sprintf("gas,asset=W1 ch4=0 %d", now+2), fmt.Sprintf("gas,asset=W2 ch4=7 %d", now+2), fmt.Sprintf("gas,asset=W2 ch4=8 %d", now+2))
	require.Equal(t, []string{
		fmt.Sprintf(`{__name__="gas_ch4", asset="W1"} 4 %d`, now+1), fmt.Sprintf(`{__name__="gas_co", asset="W1"} 5 %d`, now+1),
		fmt.Sprintf(`{__name__="gas_ch4", asset="W2"} 7 %d`, now+2),
	}, first.take(), "what is refused, and what nobody minds, is not told")
	require.Equal(t, 4, first.asked, "once for each series")

	second := &diary{t: t, store: s, word: "pump"}
	s.Watch(second)
	write(fmt.Sprintf("gas,asset=W1 ch4=9 %d", now+3), fmt.Sprintf("pump,asset=P1 rpm=9 %d", now+3))
	require.Empty(t, first.take())
	require.Equal(t, []string{fmt.Sprintf(`{__name__="pump_rpm", asset="P1"} 9 %d`, now+3)}, second.take())

	app := s.Appender(t.Context())
	for i := range int64(2) {
		_, err := app.Append(0, labels.FromStrings(model.MetricNameLabel, "pump_sum"), now+i, 5)
		require.NoError(t, err)
	}
	require.Empty(t, second.take(), "not before it is committed")
	require.NoError(t, app.Commit())
	require.Len(t, second.take(), 2, "also what rules store")
}
