package demo

import (
	"fmt"
	"time"

	"github.com/belfry-city/belfry/loadtest/city"
)

// handheldPace is how often somebody looks at the bay whose sensor is wrong.
const handheldPace = 20 * time.Second

// handheld is that of a warden who sees in one bay the opposite of what its sensor
// says, whenever he looks.
type handheld struct{ bay *city.Stream }

func newHandheld(c *city.City) (*handheld, error) {
	for _, s := range c.Streams() {
		if s.Asset.Kind == city.KindBay {
			return &handheld{s}, nil
		}
	}
	return nil, fmt.Errorf("make the simulated district: it has no bays")
}

// appendDue appends the lines that are due after one instant up to another, and
// says how many values they hold.
func (h *handheld) appendDue(dst []byte, after, until time.Time) (lines []byte, values int) {
	var room [1]float64
	for at := after.Truncate(handheldPace).Add(handheldPace); !at.After(until); at = at.Add(handheldPace) {
		said, ok := h.bay.Read(at, room[:0])
		if !ok {
			continue
		}
		seen := 1
		if said[0] > 0 {
			seen = 0
		}
		dst = fmt.Appendf(dst, "parking_bay,asset=%s,source=handheld occupied=%d %d\n", h.bay.Asset.ID, seen, at.UnixNano())
		values++
	}
	return dst, values
}
