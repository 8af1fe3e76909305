package model

import (
	"math"
	"slices"
	"time"
)

// forest finds samples, with those right before them, that are easily told apart from others by random cuts: a robust random cut forest
// (Guha, Mishra, Roy and Schrijvers, Robust Random Cut Forest Based Anomaly Detection on Streams, ICML 2016), in which each tree has a sample of the
// past that forgets. The score of a point is about 1/(depth+1), where the depth is that at which it would be cut off from its tree,
// as in the forests that are offered as a service; what it means is learned by extreme-value statistics (see rarity). Trees are drawn from a seed,
// so that two runs are the same.
//
// A sample takes about trees·shingle·100 operations, with the defaults 10 µs, and the model 2·trees·points·(24+8·shingle) bytes, with the
// defaults 370 KB: it is for few series.
type forest struct {
	of      uint32
	shingle int
	trees   []tree
	seed    uint64
	random  random
	alarm   alarm
	fresh   alarm
	points  int
	scores  rarity
	recent  []float32 // the last values
	seen    int
	first   []float64 // values from which center and unit are
	center  float64
	unit    float64
}

const (
	forestFirst = 64  // values from which center and unit are
	forestScore = 256 // values before the first score
	// forestForget is by which part of their number points are replaced, a sample.
	forestForget = 0.1
	forestMost   = 1 << 30
	// forestFar bounds values, in units.
	forestFar = 1e9
)

func forestKind() Kind {
	k := Kind{
		Name: "forest", Version: 1,
		Summary: "Some samples in a row are far from all others; costly, for few series.",
		Options: alarmOptions(
			Option{Name: "trees", Default: 25, Min: 5, Max: 500, Whole: true, Meaning: "trees"},
			Option{Name: "points", Default: 128, Min: 32, Max: 4096, Whole: true, Meaning: "points of the past in each tree"},
			Option{Name: "shingle", Default: 4, Min: 1, Max: 64, Whole: true, Meaning: "samples in a row"},
			Option{Name: "seed", Default: 1, Min: 0, Max: 1e9, Whole: true, Meaning: "from which trees are drawn"},
		),
	}
	k.New = func(series int, set Settings, _ *time.Location) Model {
		m := &forest{
			of: stateOf(k.Name, series, set), shingle: int(set["shingle"]), seed: uint64(set["seed"]), points: int(set["points"]),
			fresh: newAlarm(set, set["shingle"]), trees: make([]tree, int(set["trees"])),
		}
		m.reset()
		return m
	}
	return k
}

func (m *forest) reset() {
	*m = forest{
		of: m.of, shingle: m.shingle, seed: m.seed, points: m.points, fresh: m.fresh, alarm: m.fresh, trees: m.trees, unit: 1,
		random: random(m.seed), recent: make([]float32, m.shingle),
	}
	for i := range m.trees {
		m.trees[i] = tree{dimensions: m.shingle, root: none32}
	}
}

// Observe implements Model.
func (m *forest) Observe(_ int64, values []float64) Verdict {
	v := none()
	if !finite(values[0]) {
		return v
	}
	x := bounded(values[0])
	if len(m.first) < forestFirst && m.seen == 0 {
		m.first = append(m.first, x)
		if len(m.first) == forestFirst {
			m.begin()
		}
		return v
	}
	if s, ok := m.take(x); ok {
		if m.seen >= forestScore {
			v.Score = m.alarm.score(m.scores.surprise(s))
		}
		m.scores.learn(s)
	}
	return v
}

// begin finds center and unit from the first values, and takes them.
func (m *forest) begin() {
	sorted := slices.Sorted(slices.Values(m.first))
	m.center = sorted[forestFirst/2]
	m.unit = math.Max((sorted[forestFirst*3/4]-sorted[forestFirst/4])/1.35, least(m.center))
	first := m.first
	m.first = nil
	for _, x := range first {
		m.take(x)
	}
}

// take scores a value, if there is enough before it, and then has some trees take it.
func (m *forest) take(x float64) (score float64, ok bool) {
	copy(m.recent, m.recent[1:])
	m.recent[m.shingle-1] = float32(math.Max(-forestFar, math.Min(forestFar, (x-m.center)/m.unit)))
	m.seen = min(m.seen+1, forestMost)
	if m.seen < m.shingle {
		return 0, false
	}
	for i := range m.trees {
		t := &m.trees[i]
		if t.root != none32 {
			score += t.score(m.recent)
		}
		switch {
		case len(t.kept) < m.points:
			if len(t.kept) < m.points/4 || m.random.float() < 0.5 {
				t.kept = append(t.kept, t.insert(m.recent, &m.random))
			}
		case m.random.float() < forestForget:
			j := int(m.random.float() * float64(m.points))
			t.remove(t.kept[j])
			t.kept[j] = t.insert(m.recent, &m.random)
		}
	}
	return score / float64(len(m.trees)), m.trees[0].root != none32
}

func (m *forest) layout(l *layout) {
	r := uint64(m.random)
	l.uint64(&r)
	m.random = random(r)
	l.count(&m.seen, forestMost)
	n := len(m.first)
	l.count(&n, forestFirst)
	if l.reading && n > 0 {
		m.first = make([]float64, n)
	}
	l.floats(m.first)
	l.float(&m.center, &m.unit)
	l.smalls(m.recent)
	for i := range m.trees {
		m.trees[i].layout(l, m.points)
	}
	m.scores.layout(l)
	m.alarm.layout(l)
}

// AppendBinary implements Model.
func (m *forest) AppendBinary(to []byte) ([]byte, error) {
	return writeState(to, 1, m.of, m.layout), nil
}

// UnmarshalBinary implements Model.
func (m *forest) UnmarshalBinary(from []byte) error {
	m.reset()
	err := readState(from, 1, m.of, m.layout)
	if err != nil {
		m.reset()
	}
	return err
}

// random draws numbers (SplitMix64: Steele, Lea and Flood, OOPSLA 2014).
type random uint64

// float is from 0 to before 1.
func (r *random) float() float64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11) / (1 << 53)
}
