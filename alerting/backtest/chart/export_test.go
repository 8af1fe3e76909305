package chart

import "io"

// DrawSmall is Draw with fewer pixels.
func (s *Series) DrawSmall(w io.Writer, o Options) error { return s.draw(w, o, resolution/4) }

// Points is how many points are kept.
func (s *Series) Points() int { return len(s.points) }

// Highest is the highest value.
func (s *Series) Highest() float64 {
	highest := s.points[0].high
	for _, p := range s.points {
		highest = greatest(highest, p.high)
	}
	return highest
}
