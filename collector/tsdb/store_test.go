package tsdb

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/reading"
)

func TestWhatWasWrittenIsThereAfterARestart(t *testing.T) {
	dir, now := t.TempDir(), nowMs()
	s := openStore(t, dir)
	b := &batchBuilder{}
	b.add("gas,asset=井1", "ch4", now-1000, 1.5)
	b.add("gas,asset=井1", "ch4", now, 2.5)
	b.add("gas,asset=井2", "ch4", now, 3)
	require.NoError(t, write(t, s, b))
	want := map[string][]sample{
		`{__name__="gas_ch4", asset="井1"}`: {{now - 1000, 1.5}, {now, 2.5}},
		`{__name__="gas_ch4", asset="井2"}`: {{now, 3}},
	}
	require.Equal(t, want, readAll(t, s))
	require.NoError(t, s.Close())
	require.Equal(t, want, readAll(t, openStore(t, dir)))
}

func TestWhatTheStoreRefusesItSaysWhy(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	b := &batchBuilder{}
	b.add("a", "v", now, 1)
	require.NoError(t, write(t, s, b))

	b = &batchBuilder{}
	b.add("a", "v", now, 1)                               // exact duplicate: no refusal
	b.add("a", "v", now, 2)                               // differs from the newest sample
	b.add("a", "v", now-25*time.Hour.Milliseconds(), 1)   // beyond late
	b.add("a", "v", now-23*time.Hour.Milliseconds(), 7)   // late, taken
	b.add("a", "v", now+11*time.Minute.Milliseconds(), 1) // beyond early
	b.add("a,x=1,x=2", "v", now, 1)                       // no series
	b.add("new", "v", now, 1)                             // taken
	b.add("new", "v", now, 4)                             // differs within the batch
	b.add("new", "v", now, 1)                             // repeats what was taken
	r, err := s.Append(context.Background(), &b.Batch, plainSpeller{})
	require.NoError(t, err)
	require.Equal(t, []reading.Reason{
		reading.ReasonConflict, reading.ReasonTooOld, reading.ReasonTooNew, reading.ReasonBadSeries, reading.ReasonConflict,
	}, reasons(b))
	require.Equal(t, []uint32{2, 3, 5, 6, 8}, []uint32{b.Refusals[0].Line, b.Refusals[1].Line, b.Refusals[2].Line, b.Refusals[3].Line, b.Refusals[4].Line})
	require.Equal(t, 4, r.Samples)
	require.Equal(t, map[string][]sample{
		`{__name__="a_v"}`:   {{now - 23*time.Hour.Milliseconds(), 7}, {now, 1}},
		`{__name__="new_v"}`: {{now, 1}},
	}, readAll(t, s))
}

// As long as times grow nothing is compared; a conflict behind that is seen all
// the same.
func TestAConflictBehindGrowingTimesOfOneBatchIsSeen(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	b := &batchBuilder{}
	for i := range int64(10) {
		b.add("a", "v", now-100+i, float64(i))
	}
	b.add("a", "v", now-95, 5)  // an exact duplicate
	b.add("a", "v", now-95, 50) // differs
	b.add("a", "v", now-50, 1)
	require.NoError(t, write(t, s, b))
	require.Equal(t, []reading.Reason{reading.ReasonConflict}, reasons(b))
	require.EqualValues(t, 12, b.Refusals[0].Line)
	require.Len(t, readAll(t, s)[`{__name__="a_v"}`], 11)
}

func TestEqualKeysOfTwoSpacesAreTwoSeries(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	for round := range int64(2) {
		for _, space := range []string{"", "other"} {
			b := &batchBuilder{}
			b.add("a", "v", now+round, float64(len(space)))
			_, err := s.Append(context.Background(), &b.Batch, plainSpeller{space})
			require.NoError(t, err)
		}
	}
	require.Equal(t, map[string][]sample{
		`{__name__="a_v"}`:                {{now, 0}, {now + 1, 0}},
		`{__name__="a_v", space="other"}`: {{now, 5}, {now + 1, 5}},
	}, readAll(t, s))
}

func TestTheSeriesLimitStopsNewSeriesOnly(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir(), func(o *Options) { o.SeriesLimit = 10 })
	b := &batchBuilder{}
	for i := range 25 {
		b.add(fmt.Sprintf("s,i=%d", i), "v", now, 1)
	}
	require.NoError(t, write(t, s, b))
	require.Len(t, b.Refusals, 15)
	require.Equal(t, reading.ReasonSeriesLimit, b.Refusals[0].Reason)
	require.Len(t, readAll(t, s), 10)

	b = &batchBuilder{}
	b.add("s,i=3", "v", now+1, 2)
	require.NoError(t, write(t, s, b))
	require.Empty(t, b.Refusals)
}

func TestNewSeriesBeyondTheRoomOfABatchAreRefusedAndNoOthers(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	b := &batchBuilder{}
	b.Room = 100
	for _, key := range []string{"s,i=1", "s,i=2", "s,long=" + strings.Repeat("x", 100), "s,i=3"} {
		b.add(key, "v", now, 1)
	}
	require.NoError(t, write(t, s, b))
	require.Len(t, b.Refusals, 1)
	require.Equal(t, reading.ReasonTooLong, b.Refusals[0].Reason)
	require.EqualValues(t, 3, b.Refusals[0].Line)
	require.Less(t, b.Room, int64(100))

	b = &batchBuilder{}
	b.Room = 1
	b.add("s,i=1", "v", now+1, 2)
	require.NoError(t, write(t, s, b))
	require.Empty(t, b.Refusals, "it is there")
}

// After two hours without a sample upstream forgets a series; the reference in
// the cache is then good for nothing.
func TestASeriesThatWasForgottenStartsAnew(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	b := &batchBuilder{}
	b.add("old", "v", now-20*time.Hour.Milliseconds(), 1)
	b.add("old,kept=1", "v", now, 1)
	require.NoError(t, write(t, s, b))
	require.NoError(t, s.Maintain(context.Background()))
	require.EqualValues(t, 1, s.SeriesCount(), "the old series should be in a block only")

	b = &batchBuilder{}
	b.add("old", "v", now, 2)
	require.NoError(t, write(t, s, b))
	require.Empty(t, b.Refusals)
	require.Equal(t, []sample{{now - 20*time.Hour.Milliseconds(), 1}, {now, 2}}, readAll(t, s)[`{__name__="old_v"}`])
}

// The same series under ever new spellings must not use memory without bound.
func TestTheSeriesCacheForgetsBeyondItsLimit(t *testing.T) {
	c := newSeriesCache(1000)
	for i := range 50_000 {
		key := fmt.Appendf(nil, "k%d", i)
		c.addField(seriesKey{hash: uint64(i) * 0x9e3779b97f4a7c15, key: key}, []byte("v"), fieldRef{ref: 1}, 0)
		require.LessOrEqual(t, c.count, 1000)
	}
	require.LessOrEqual(t, len(c.table.Load().slots), 4096)
}

func TestASecondBelfryTouchesNothing(t *testing.T) {
	dir, now := t.TempDir(), nowMs()
	s := openStore(t, dir)
	for i := range int64(50) { // late ones, so that there are chunk files and markers
		b := &batchBuilder{}
		b.add("a", "v", now-i*1000, float64(i))
		require.NoError(t, write(t, s, b))
	}
	list := func() (names []string) {
		require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			names = append(names, path)
			return err
		}))
		return names
	}
	before := list()
	_, err := Open(Options{Dir: dir, Logger: quiet()})
	require.ErrorContains(t, err, "in use by another Belfry")
	require.Equal(t, before, list())
	want := readAll(t, s)
	require.NoError(t, s.Close())
	require.Equal(t, want, readAll(t, openStore(t, dir)))
}

func TestAKeyOfThousandsOfFields(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	for round := range int64(3) {
		b := &batchBuilder{}
		for i := range 5000 {
			b.add("wide", fmt.Sprintf("f%d", i), now+round, float64(i))
		}
		require.NoError(t, write(t, s, b))
		require.Empty(t, b.Refusals)
	}
	require.EqualValues(t, 5000, s.SeriesCount())
	require.Len(t, readAll(t, s)[`{__name__="wide_f4999"}`], 3)
	for i := range s.db.series.table.Load().slots {
		if e := s.db.series.table.Load().slots[i].entry.Load(); e != nil {
			require.LessOrEqual(t, len(e.fields.Load().refs), wideKey)
		}
	}
}

// A line of which one field was refused is no excuse to drop another of its
// fields without a word.
func TestAFieldBesideARefusedOne(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	b := &batchBuilder{}
	b.add("hid", "a", now, 1)
	require.NoError(t, write(t, s, b))

	b = &batchBuilder{}
	b.add("hid", "a", now, 2) // refused by the store
	b.Fields = append(b.Fields, reading.Field{Name: b.span("b"), Value: 1})
	b.Points[0].Count = 2
	b.add("hid", "b", now, 2) // differs from the line before
	r, err := s.Append(context.Background(), &b.Batch, plainSpeller{})
	require.NoError(t, err)
	require.Equal(t, 1, r.Samples)
	require.Equal(t, []reading.Reason{reading.ReasonConflict, reading.ReasonConflict}, reasons(b))
}

// Many writers meet in a key of many fields while its entries come into being.
func TestWritersOfOneWideKeyDoNotDisturbEachOther(t *testing.T) {
	now := nowMs()
	s := openStore(t, t.TempDir())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for round := range int64(20) {
				b := &batchBuilder{}
				for i := range 2000 {
					b.add("wide", fmt.Sprintf("f%d", int(round)*100+i), now+int64(w)*1000+round, 1)
				}
				if err := write(t, s, b); err != nil || len(b.Refusals) > 0 {
					t.Error(err, b.Refusals)
				}
			}
		})
	}
	// What looks for a key that is just being noted finds all of it or nothing.
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	readers.Go(func() {
		for ctx.Err() == nil {
			table := s.db.series.table.Load()
			for i := range table.slots {
				if e := table.slots[i].entry.Load(); e != nil && e.fields.Load() == nil {
					t.Error("an entry without fields is visible")
					return
				}
			}
		}
	})
	writers.Wait()
	stop()
	readers.Wait()
	require.False(t, s.Failed())
}
