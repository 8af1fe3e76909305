package intake

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

// ear notes of which assets something is heard.
type ear struct {
	mu    sync.Mutex
	heard []string
}

func (e *ear) Listen(series labels.Labels) *tsdb.Pulse {
	asset := series.Get("asset")
	return &tsdb.Pulse{Beat: func(int64) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard = append(e.heard, asset)
	}}
}

// full derives that a car park is full.
type full struct{}

func (full) Derive(b *reading.Batch, out *reading.Builder) {
	for _, p := range b.Points {
		out.Begin(p.Time)
		out.Label("asset", "carpark")
		out.Value("parking_lot_occupied", 1)
	}
}

func (f full) DeriveWrite(b *reading.Batch, _ reading.Speller, out *reading.Builder) {
	f.Derive(b, out)
}

// bay is a reading of a bay.
type bay struct{}

func (bay) Decode(m *input.Message, out *reading.Builder) {
	out.Begin(m.Received)
	out.Label("asset", "bay")
	out.Value("parking_bay_occupied", 1)
}

func TestWhatFollowsFromReadingsIsNoSignOfLife(t *testing.T) {
	store, e := openStore(t), &ear{}
	store.Listen(e)
	in := New(Options{Store: store, Metrics: metrics.NewSet(), Lag: noLag, Derive: []Deriver{full{}}, DeriveWrite: []WriteDeriver{full{}}})
	at := time.Now().UnixMilli() - 1000
	for range 2 { // the second time, memory is used again
		at++
		_, err := in.Take(t.Context(), "test", &input.Message{Received: at}, bay{})
		require.NoError(t, err)
		_, err = in.Write(t.Context(), Source{Input: "test"}, lines(fmt.Sprintf("parking,asset=meter coins=1 %d\n", at*1e6), 1), lineproto.Speller{})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"bay", "meter", "bay", "meter"}, e.heard)
	q, err := store.Querier(0, time.Now().Add(time.Hour).UnixMilli())
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	require.True(t, q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchEqual, "asset", "carpark")).Next())
}

// fullStore has no room.
type fullStore struct{ slowStore }

func (*fullStore) Append(context.Context, *reading.Batch, reading.Speller) (tsdb.Receipt, error) {
	return tsdb.Receipt{}, tsdb.ErrDiskFull
}

func TestWhatCouldNotBeTakenIsUnheard(t *testing.T) {
	unheard := 0
	in := New(Options{Store: &fullStore{}, Metrics: metrics.NewSet(), Lag: noLag, Unheard: func() { unheard++ }})
	_, err := in.Write(t.Context(), Source{Input: "test"}, lines("a v=1\n", 1), lineproto.Speller{})
	require.ErrorIs(t, err, tsdb.ErrDiskFull)
	require.Equal(t, 1, unheard)
	_, err = in.Take(t.Context(), "test", &input.Message{Received: time.Now().UnixMilli()}, bay{})
	require.ErrorIs(t, err, tsdb.ErrDiskFull)
	require.Equal(t, 2, unheard)
	_, err = in.Write(t.Context(), Source{Input: "test"}, lines("a v=x\n", 1), lineproto.Speller{})
	require.NoError(t, err)
	require.Equal(t, 2, unheard, "what is refused has been heard")
}
