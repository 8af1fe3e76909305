package event_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/collector/reading"
)

func TestBeginUpdateAndEndAreOneEvent(t *testing.T) {
	s := openStore(t, t.TempDir())
	s.add(t, seen(func(e *reading.Event) {
		e.Phase, e.Updated, e.Picture, e.PictureType = reading.PhaseBegin, at(1), []byte("first"), "image/jpeg"
	}))
	s.add(t, seen(func(e *reading.Event) {
		e.Phase, e.Updated, e.Confidence, e.Raw = reading.PhaseUpdate, at(5), 0.9, []byte(`{"n":2}`)
		e.Box, e.Picture, e.PictureType = &reading.Box{X: 0.1, Y: 0.2, Width: 0.3, Height: 0.4}, []byte("surer"), "image/png"
	}))
	s.add(t, seen(func(e *reading.Event) {
		e.Phase, e.Updated, e.End, e.Confidence, e.Raw = reading.PhaseEnd, at(9), at(9), 0.7, []byte(`{"n":3}`)
		e.Picture, e.PictureType = []byte("less sure"), "image/jpeg"
	}))
	got, raw := s.one(t)
	require.Equal(t, event.Record{
		ID: got.ID, Vendor: "frigate", Asset: "CAM-1", Time: at(0), Updated: at(9), End: at(9), Received: at(0), Kind: "fire_smoke", VendorKind: "fire",
		Domain: "road", Severity: "critical", Team: "urban_management", Confidence: 0.9, Box: &reading.Box{X: 0.1, Y: 0.2, Width: 0.3, Height: 0.4}, HasPicture: true,
	}, got)
	require.Equal(t, `{"n":3}`, raw)
	data, contentType, err := s.Picture(context.Background(), got.ID)
	require.NoError(t, err)
	require.Equal(t, "surer image/png", string(data)+" "+contentType)
}

func TestMessagesSentAgainInAnyOrderChangeNothing(t *testing.T) {
	messages := []reading.Event{
		seen(func(e *reading.Event) { e.Phase, e.Updated = reading.PhaseBegin, at(1) }),
		seen(func(e *reading.Event) {
			e.Phase, e.Updated, e.Confidence, e.Raw, e.Kind = reading.PhaseUpdate, at(4), 0.8, []byte("2"), "wildfire"
		}),
		seen(func(e *reading.Event) {
			e.Phase, e.Updated, e.Raw, e.Kind = reading.PhaseUpdate, at(6), []byte("3"), "unknown"
		}),
		seen(func(e *reading.Event) { e.Phase, e.Updated, e.End, e.Raw = reading.PhaseEnd, at(9), at(9), []byte("4") }),
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		s := openStore(t, t.TempDir())
		for range 3 {
			rng.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
			s.add(t, messages...)
		}
		got, raw := s.one(t)
		require.Equal(t, "4", raw)
		require.Equal(t, []any{at(0), at(9), at(9), 0.8, "fire_smoke"}, []any{got.Time, got.Updated, got.End, got.Confidence, got.Kind})
	}
}

func TestEventsOfSendersWithoutNamesAreOneWhileTheyLast(t *testing.T) {
	s := openStore(t, t.TempDir())
	message := func(seconds int64, phase reading.Phase) reading.Event {
		return seen(func(e *reading.Event) {
			e.Vendor, e.ID, e.Within, e.Phase, e.Time, e.Updated = "hikvision", "1/fielddetection", 60_000, phase, at(seconds), at(seconds)
		})
	}
	s.add(t, message(-500, reading.PhaseEnd)) // the end of nothing
	require.Empty(t, s.list(t, event.Query{}))
	stream := []reading.Event{
		message(0, reading.PhaseUpdate), message(30, reading.PhaseUpdate), message(90, reading.PhaseUpdate), message(95, reading.PhaseEnd),
		message(300, reading.PhaseUpdate), message(310, reading.PhaseEnd), message(320, reading.PhaseUpdate),
	}
	want := [][3]int64{{at(300), at(320), 0}, {at(0), at(95), at(95)}}
	for range 2 { // and again
		for _, m := range stream {
			s.add(t, m)
		}
		var got [][3]int64
		for _, r := range s.list(t, event.Query{}) {
			got = append(got, [3]int64{r.Time, r.Updated, r.End})
		}
		require.Equal(t, want, got)
	}
}

func TestEventsWithoutIDAreOneByTheirContent(t *testing.T) {
	s := openStore(t, t.TempDir())
	e := seen(func(e *reading.Event) { e.ID = "" })
	s.add(t, e, e)
	s.add(t, e)
	require.Len(t, s.list(t, event.Query{}), 1)
	e.Raw = []byte(`{"n":2}`)
	s.add(t, e)
	require.Len(t, s.list(t, event.Query{}), 2)
}

func TestTextsAndPicturesAreBounded(t *testing.T) {
	s := openStore(t, t.TempDir(), func(o *event.Options) { o.MaxRaw, o.MaxPicture = 10, 10 })
	s.add(t, seen(func(e *reading.Event) {
		e.ID, e.Description, e.VendorKind = strings.Repeat("i", 5000), strings.Repeat("垃圾", 2000), "\xff\xfebroken"
		e.Raw, e.Picture, e.PictureType = []byte(strings.Repeat("井", 10)), make([]byte, 11), "image/jpeg"
		e.Asset = strings.Repeat("c", 5000)
	}))
	got, raw := s.one(t)
	require.Equal(t, "井井…", raw, "the mark counts, and no character is cut")
	require.Less(t, len(got.Description), 2001)
	require.Less(t, len(got.Asset), 300)
	require.Equal(t, "\ufffdbroken", got.VendorKind)
	require.False(t, got.HasPicture)
	_, _, err := s.Picture(context.Background(), got.ID)
	require.ErrorIs(t, err, event.ErrNotFound)
	_, _, err = s.Get(context.Background(), "no such")
	require.ErrorIs(t, err, event.ErrNotFound)
}

func TestListsAreFilteredAndGivenInPages(t *testing.T) {
	s := openStore(t, t.TempDir())
	teams := []string{"sanitation", "municipal"}
	for i := range int64(100) {
		s.add(t, seen(func(e *reading.Event) {
			e.ID, e.Time, e.Asset = fmt.Sprint(i), at(i/2), fmt.Sprintf("CAM-%d", i%4)
			e.Kind, e.Team = []string{"fire_smoke", "road_pothole", "unknown"}[i%3], teams[i%2]
			e.Description = fmt.Sprintf("no. %d 100%%_\\ done", i)
		}))
	}
	ids := map[string]bool{}
	last, cursor, pages := int64(1<<62), "", 0
	for {
		records, next, err := s.List(context.Background(), event.Query{Limit: 7, Cursor: cursor})
		require.NoError(t, err)
		for _, r := range records {
			require.LessOrEqual(t, r.Time, last, "the newest first")
			require.False(t, ids[r.ID], "each once")
			ids[r.ID], last = true, r.Time
		}
		pages++
		if cursor = next; next == "" {
			break
		}
	}
	require.Len(t, ids, 100)
	require.Equal(t, 15, pages)

	for _, c := range []struct {
		q    event.Query
		want int
	}{
		{event.Query{From: at(10), To: at(20)}, 20},
		{event.Query{Assets: []string{"CAM-0", "CAM-3"}}, 50},
		{event.Query{Kinds: []string{"fire_smoke"}}, 34},
		{event.Query{Teams: []string{"municipal"}, Assets: []string{"CAM-1"}}, 25},
		{event.Query{Teams: []string{"municipal"}, Assets: []string{"CAM-0"}}, 0},
		{event.Query{Domains: []string{"water"}}, 0},
		{event.Query{Severities: []string{"critical"}, Vendors: []string{"frigate"}}, 100},
		{event.Query{Text: "no. 7"}, 11},
		{event.Query{Text: `100%_\ d`}, 100},
		{event.Query{Text: "100x"}, 0},
		{event.Query{Text: "nothing", KindsOfText: []string{"road_pothole"}}, 33},
		{event.Query{Text: "'; DROP TABLE events; --"}, 0},
	} {
		require.Len(t, s.list(t, c.q), c.want, "%+v", c.q)
	}
	for _, bad := range []string{"x", "!!", "MTIz", "LS4uLQ"} {
		_, _, err := s.List(context.Background(), event.Query{Limit: 1, Cursor: bad})
		require.ErrorIs(t, err, event.ErrBadCursor, bad)
	}
}

func TestManySendersShareOneSync(t *testing.T) {
	s := openStore(t, t.TempDir())
	var senders conc.WaitGroup
	const n, each = 32, 20
	for i := range n {
		senders.Go(func() {
			for j := range each {
				if err := s.Add(context.Background(), []reading.Event{seen(func(e *reading.Event) { e.ID = fmt.Sprint(i, " ", j) })}); err != nil {
					panic(err)
				}
			}
		})
	}
	senders.Wait()
	require.Len(t, s.list(t, event.Query{}), n*each)
	require.Less(t, s.set.GetOrCreateCounter(`belfry_event_commits_total`).Get(), uint64(n*each/2))
}

func TestAClosedStoreSaysSo(t *testing.T) {
	s := openStore(t, t.TempDir())
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Add(context.Background(), []reading.Event{seen()}), event.ErrClosed)
	require.NoError(t, s.Close())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.Error(t, s.Add(ctx, []reading.Event{seen()}))
	require.NoError(t, s.Add(ctx, nil))
}

func TestWithoutRoomNothingIsTakenUntilThereIs(t *testing.T) {
	full := errors.New("below the reserve")
	var room error
	s := openStore(t, t.TempDir(), func(o *event.Options) { o.Room = func() error { return room } })
	s.add(t, seen())
	room = full
	require.ErrorIs(t, s.Add(context.Background(), []reading.Event{seen(func(e *reading.Event) { e.ID = "e2" })}), full)
	require.Len(t, s.list(t, event.Query{}), 1)
	room = nil
	s.add(t, seen(func(e *reading.Event) { e.ID = "e2" }))
	require.Len(t, s.list(t, event.Query{}), 2)
}

func TestAFileOfANewerBelfryIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	s.add(t, seen())
	require.NoError(t, s.Close())
	setVersion(t, dir, 99)
	_, err := event.Open(s.opts)
	require.ErrorContains(t, err, "made by a newer Belfry (its version is 99")
	setVersion(t, dir, 1)
}

// TestAnEventOfAClockThatIsAheadIsOfItsArrival has a camera that believes to be
// in 2030.
func TestAnEventOfAClockThatIsAheadIsOfItsArrival(t *testing.T) {
	s := openStore(t, t.TempDir())
	ahead := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	s.add(t, seen(func(e *reading.Event) {
		e.ID, e.Time, e.Updated, e.End, e.Raw = "ahead", ahead, ahead, ahead, []byte("2030")
	}))
	s.clock.advance(time.Minute)
	s.add(t, seen(func(e *reading.Event) { e.ID, e.Time = "on time", at(60) }), seen(func(e *reading.Event) { e.ID, e.Time = "a little early", at(600) }))
	all := s.list(t, event.Query{})
	require.Equal(t, []int64{at(600), at(60), at(0)}, []int64{all[0].Time, all[1].Time, all[2].Time})
	require.Equal(t, []int64{at(0), at(0)}, []int64{all[2].Updated, all[2].End})
	_, raw, err := s.Get(context.Background(), all[2].ID)
	require.NoError(t, err)
	require.Equal(t, "2030", string(raw), "the sender's message says what it says")
}
