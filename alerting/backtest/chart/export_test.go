package chart

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
