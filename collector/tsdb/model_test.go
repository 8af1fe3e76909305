package tsdb

import (
	"context"
	"fmt"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/collector/reading"
)

// contents are what the store should hold: for each series its samples by time.
type contents map[string]map[int64]float64

func (m contents) newest(series string) (t int64, ok bool) {
	for at := range m[series] {
		t, ok = max(t, at), true
	}
	return t, ok
}

// storeMachine does to a store whatever users, kills and time may do, and to
// the model what should come of it.
type storeMachine struct {
	t     *testing.T
	dir   string
	store *Store
	want  contents
	base  int64
	// unclear are second values that were taken for an instant.
	unclear map[sampleAt]float64
	// inOrder are the series whose newest sample came in order, and lately.
	inOrder map[string]bool
}

type sampleAt struct {
	series string
	t      int64
}

func (m *storeMachine) open(dir string) {
	m.dir = dir
	s, err := Open(Options{Dir: dir, Logger: quiet(), Now: func() time.Time { return time.UnixMilli(m.base) }})
	require.NoError(m.t, err)
	m.store = s
}

// valueOf is a function of series and time, so that a repetition is exact.
func valueOf(series int, t int64) float64 { return float64((t*7 + int64(series)) % 97) }

func (m *storeMachine) Write(r *rapid.T) {
	b := &batchBuilder{}
	type intent struct {
		series   string
		t        int64
		v        float64
		conflict bool
	}
	var intents []intent
	for range rapid.IntRange(1, 40).Draw(r, "points") {
		i := rapid.IntRange(0, 4).Draw(r, "series")
		// Mostly hours late or just now, seldom beyond what is taken.
		t := m.base - rapid.OneOf(rapid.Int64Range(0, 200), rapid.Int64Range(0, 23*3_600_000), rapid.Int64Range(-700_000, 25*3_600_000)).Draw(r, "age")
		in := intent{fmt.Sprintf(`{__name__="m_v", i="%d"}`, i), t, valueOf(i, t), false}
		if newest, ok := m.want.newest(in.series); ok && rapid.IntRange(0, 9).Draw(r, "conflict") == 0 {
			in.t, in.v, in.conflict = newest, valueOf(i, newest)+1000, true
		}
		intents = append(intents, in)
		b.add(fmt.Sprintf("m,i=%d", i), "v", in.t, in.v)
	}
	_, err := m.store.Append(context.Background(), &b.Batch, plainSpeller{})
	require.NoError(r, err)
	told := maps.Clone(m.inOrder)
	refused := map[uint32]reading.Reason{}
	for _, x := range b.Refusals {
		refused[x.Line] = x.Reason
	}
	for n, in := range intents {
		reason, was := refused[uint32(n+1)]
		switch {
		case in.t < m.base-24*3_600_000:
			require.Equal(r, reading.ReasonTooOld, reason)
		case in.t > m.base+600_000:
			require.Equal(r, reading.ReasonTooNew, reason)
		case in.conflict && was:
			require.Equal(r, reading.ReasonConflict, reason, "%v", in)
		case in.conflict:
			// The newest sample has left memory, or was itself late: upstream cannot
			// tell, and shows one of the two.
			require.False(r, told[in.series], "%v", in)
			m.unclear[sampleAt{in.series, in.t}] = in.v
		default:
			require.False(r, was, "%v was refused: %s", in, reason)
			if m.want[in.series] == nil {
				m.want[in.series] = map[int64]float64{}
			}
			if newest, ok := m.want.newest(in.series); !ok || in.t > newest {
				m.inOrder[in.series] = in.t > m.base-600_000
			}
			m.want[in.series][in.t] = in.v
		}
	}
}

func (m *storeMachine) TimePasses(r *rapid.T) {
	clear(m.inOrder)
	m.base += rapid.Int64Range(1, 4*3_600_000).Draw(r, "by")
}

func (m *storeMachine) Restart(r *rapid.T) {
	clear(m.inOrder)
	require.NoError(r, m.store.Close())
	m.open(m.dir)
}

func (m *storeMachine) Kill(r *rapid.T) {
	require.NoError(r, m.store.Sync(context.Background(), 0))
	clear(m.inOrder)
	killed := m.t.TempDir()
	require.NoError(r, os.CopyFS(killed, os.DirFS(m.dir)))
	require.NoError(r, m.store.Close())
	m.open(killed)
}

func (m *storeMachine) Maintain(r *rapid.T) {
	clear(m.inOrder)
	require.NoError(r, m.store.Maintain(context.Background()))
}

func (m *storeMachine) Check(r *rapid.T) {
	got := readAll(m.t, m.store)
	for series, samples := range got {
		for i, s := range samples {
			if second, ok := m.unclear[sampleAt{series, s.t}]; ok && s.v == second {
				samples[i].v = m.want[series][s.t]
			}
		}
	}
	for series, at := range m.want {
		stored := map[int64]float64{}
		for _, s := range got[series] {
			stored[s.t] = s.v
		}
		require.Len(r, got[series], len(at), "%s: as many samples as were taken", series)
		for t, v := range at {
			held, ok := stored[t]
			require.True(r, ok && held == v, "%s at %d: want %v, got %v (%v)", series, t, v, held, ok)
		}
	}
}

func TestStoreHoldsWhatTheModelHolds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := &storeMachine{t: t, want: contents{}, unclear: map[sampleAt]float64{}, inOrder: map[string]bool{}, base: nowMs()}
		m.open(t.TempDir())
		defer func() { _ = m.store.Close() }()
		r.Repeat(map[string]func(*rapid.T){
			"":           m.Check,
			"write":      m.Write,
			"timePasses": m.TimePasses,
			"restart":    m.Restart,
			"kill":       m.Kill,
			"maintain":   m.Maintain,
		})
	})
}
