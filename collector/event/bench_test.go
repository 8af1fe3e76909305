package event_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/belfry-city/belfry/collector/event"
	"github.com/belfry-city/belfry/collector/reading"
)

// BenchmarkAdd is one event a call, on disk, by 64 cameras at once.
func BenchmarkAdd(b *testing.B) {
	for _, size := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("picture=%d", size), func(b *testing.B) {
			s := openStore(b, b.TempDir())
			var n atomic.Int64
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				picture := make([]byte, size)
				for pb.Next() {
					e := seen(func(e *reading.Event) { e.ID, e.Picture, e.PictureType = fmt.Sprint(n.Add(1)), picture, "image/jpeg" })
					if err := s.Add(context.Background(), []reading.Event{e}); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkList is a page out of 100,000 events.
func BenchmarkList(b *testing.B) {
	s := openStore(b, b.TempDir())
	for i := range int64(100) {
		var events []reading.Event
		for j := range int64(1000) {
			events = append(events, seen(func(e *reading.Event) {
				e.ID, e.Time, e.Asset = fmt.Sprint(i, j), at(i*1000+j), fmt.Sprintf("CAM-%d", j%500)
			}))
		}
		s.add(b, events...)
	}
	for name, q := range map[string]event.Query{
		"newest": {Limit: 100}, "asset": {Limit: 100, Assets: []string{"CAM-77"}}, "team": {Limit: 100, Teams: []string{"sanitation"}}, "text": {Limit: 100, Text: "nowhere"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.List(context.Background(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
