package model

import "math"

// spread learns how far a statistic is ordinarily from its median. Of few values only the quartiles are known, and Student's
// distribution says how far others go; of many, their tails are (see rarity).
type spread struct {
	quartiles quartiles
	same      float64 // so many values in a row say the same
	above     rarity
	below     rarity
}

const (
	// spreadSure is how many independent values it takes for the tails to count half, and spreadHeavy how many where they say that
	// such values do come: to be wrong about that is a false alarm.
	spreadSure  = 50
	spreadHeavy = 30
	// spreadLeast is the least spread, in the unit of the statistic.
	spreadLeast = 0.1
)

func newSpread(memory int, same float64) spread {
	return spread{quartiles: quartiles{memory: memory}, same: same}
}

func (s *spread) learn(x float64) {
	s.quartiles.learn(x)
	s.above.learn(x)
	s.below.learn(-x)
}

// trust is what the tails count.
func (s *spread) trust() float64 {
	n := s.independent() / spreadSure
	return n * n / (1 + n*n)
}

// trustHeavy is what the tails count where they say that such values come.
func (s *spread) trustHeavy() float64 {
	n := math.Pow(s.independent()/spreadHeavy, 4)
	return n / (1 + n)
}

func (s *spread) independent() float64 { return math.Max(1, float64(s.quartiles.seen())/s.same) }

// units are the median, and what stands for a standard deviation below and above it.
func (s *spread) units() (median, down, up float64) {
	median, down, up = s.quartiles.median()
	both := (down + up) / 3
	const quartile = 0.6745
	return median, math.Max(down, both)/quartile + spreadLeast, math.Max(up, both)/quartile + spreadLeast
}

// learnTail takes a value, as if it had come so many times in a row, for what comes now and then. It moves no quartile.
func (s *spread) learnTail(x float64, times int) {
	for range times {
		s.above.learn(x)
		s.below.learn(-x)
	}
}

func (s *spread) surprise(x float64) float64 {
	median, down, up := s.units()
	t, tail := (x-median)/up, &s.above
	if x < median {
		t, x, tail = (median-x)/down, -x, &s.below
	}
	student, seen, w := studentSurprise(t, s.independent()), tail.surprise(x), s.trust()
	if seen < student && s.quartiles.seen() > rarityFirst {
		w = math.Max(w, s.trustHeavy())
	}
	return (1-w)*student + w*seen
}

// usual is about where values lie that are less surprising than u.
func (s *spread) usual(u float64) (low, high float64) {
	median, down, up := s.units()
	t, w := studentValue(u, s.independent()), s.trust()
	low, high = median-t*down, median+t*up
	if s.above.seen >= rarityFirst {
		low = (1-w)*low - w*s.below.level(u)
		high = (1-w)*high + w*s.above.level(u)
	}
	return low, high
}

func (s *spread) layout(l *layout) {
	s.quartiles.layout(l)
	s.above.layout(l)
	s.below.layout(l)
}
