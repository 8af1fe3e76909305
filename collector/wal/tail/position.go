package tail

import "cmp"

// Position is a place between two records of a log.
type Position struct {
	Segment int   `json:"segment"`
	Offset  int64 `json:"offset"` // in bytes
}

// Compare is negative where p is before q, and positive where it is behind it.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Segment, q.Segment), cmp.Compare(p.Offset, q.Offset))
}
