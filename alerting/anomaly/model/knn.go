package model

import (
	"math"
	"time"
)

// knn finds windows of samples that have no near neighbours among those of before.
//
// It is the conformal method of Burnaev and Ishimtsev (Conformalized Density- and Distance-Based Anomaly Detection in Time-Series
// Data, arXiv 1608.04585, 2016): the distance of a window to its nearest neighbours, after a linear map that makes the windows'
// components uncorrelated. Unlike there, the windows are centred, and what a distance means is not its rank among those of before but how
// seldom it is, as extreme-value statistics extrapolate it (see rarity).
//
// A sample takes about lag × remember multiplications, with the defaults 12 µs and now and then 500 µs, and the model 4·lag·remember + 8·remember bytes,
// with the defaults 65 KB.
type knn struct {
	of         uint32
	lag, k     int
	remember   int
	alarm      alarm
	fresh      alarm
	distances  rarity
	seen       int       // samples, so far as they matter
	values     []float64 // a ring of the last samples
	at         int
	center     float64 // of the first samples, so that what is large does not swallow what is small
	unit       float64
	mean       []float64
	lower      []float64 // Cholesky factor of the covariance, lag × lag
	sinceRenew int

	whitened []float32 // of each window by the place of its last sample
	nearest  []float64
	one      []float64
}

const (
	// knnFirst is how many samples come before the first window is judged, and knnScore before the first score.
	knnFirst, knnScore = 200, 300
	// knnRenew is after how many samples the map is made anew.
	knnRenew = 200
	// knnApart is how many windows a neighbour is away at least, in lags.
	knnApart = 3
	// knnRidge is which part of the variance is noise for certain.
	knnRidge = 1e-3
)

func knnKind() Kind {
	k := Kind{
		Name: "knn", Version: 1,
		Summary: "Some samples in a row are unlike any others in a row of late.",
		Options: alarmOptions(
			Option{Name: "lag", Default: 19, Min: 2, Max: 64, Whole: true, Meaning: "samples in a row"},
			Option{Name: "neighbours", Default: 15, Min: 1, Max: 100, Whole: true, Meaning: "neighbours whose distances count"},
			Option{Name: "remember", Default: 750, Min: 400, Max: 20_000, Whole: true, Meaning: "samples among which neighbours are looked for"},
		),
	}
	k.New = func(series int, set Settings, _ *time.Location) Model {
		m := &knn{
			of: stateOf(k.Name, series, set), lag: int(set["lag"]), k: int(set["neighbours"]), remember: int(set["remember"]),
			fresh: newAlarm(set, set["lag"]),
		}
		m.reset()
		return m
	}
	return k
}

func (m *knn) reset() {
	*m = knn{of: m.of, lag: m.lag, k: m.k, remember: m.remember, fresh: m.fresh, alarm: m.fresh}
	m.values = make([]float64, m.remember)
	m.mean, m.one = make([]float64, m.lag), make([]float64, m.lag)
	m.lower = make([]float64, m.lag*m.lag)
	m.whitened = make([]float32, m.remember*m.lag)
	m.nearest = make([]float64, 0, m.k+1)
}

// Observe implements Model.
func (m *knn) Observe(_ int64, values []float64) Verdict {
	v := none()
	if !finite(values[0]) {
		return v
	}
	m.values[m.at] = bounded(values[0])
	place := m.at
	m.at = (m.at + 1) % m.remember
	m.seen = min(m.seen+1, 2*m.remember)
	m.sinceRenew++
	if m.seen >= knnFirst && (m.sinceRenew >= knnRenew || m.seen == knnFirst) {
		m.renew()
	}
	if m.seen < knnFirst {
		return v
	}
	m.whiten(place)
	d := math.Log(1e-9 + math.Sqrt(m.distance(place)))
	if m.seen >= knnScore {
		v.Score = m.alarm.score(m.distances.surprise(d))
	}
	m.distances.learn(d)
	return v
}

// back is the value so many samples before the one at a place.
func (m *knn) back(place, ago int) float64 {
	return (m.values[(place-ago+m.remember)%m.remember] - m.center) / m.unit
}

func (m *knn) windows() int { return min(m.seen, m.remember) - m.lag + 1 }

// renew makes the map from the windows that are remembered.
func (m *knn) renew() {
	m.sinceRenew = 0
	newest := (m.at - 1 + m.remember) % m.remember
	n := m.windows()
	m.center, m.unit = 0, 1
	all := min(m.seen, m.remember)
	for i := range all {
		m.center += m.values[(newest-i+m.remember)%m.remember] / float64(all)
	}
	off := 0.
	for i := range all {
		off += math.Abs(m.values[(newest-i+m.remember)%m.remember]-m.center) / float64(all)
	}
	m.unit = math.Max(off, least(m.center))
	clear(m.mean)
	for i := range n {
		for a := range m.lag {
			m.mean[a] += m.back(newest, i+a) / float64(n)
		}
	}
	m.covary(newest, n)
	for i := range n {
		m.whiten((newest - i + m.remember) % m.remember)
	}
}

// covary has the Cholesky factor of the covariance of windows in lower.
func (m *knn) covary(newest, n int) {
	l, c := m.lag, m.lower
	clear(c)
	for i := range n {
		for a := range l {
			m.one[a] = m.back(newest, i+a) - m.mean[a]
		}
		for a := range l {
			for b := range a + 1 {
				c[a*l+b] += m.one[a] * m.one[b] / float64(n)
			}
		}
	}
	ridge := 1e-12
	for a := range l {
		ridge += knnRidge * c[a*l+a] / float64(l)
	}
	for a := range l {
		c[a*l+a] += ridge
		for b := range a + 1 {
			s := c[a*l+b]
			for k := range b {
				s -= c[a*l+k] * c[b*l+k]
			}
			if a == b {
				c[a*l+a] = math.Sqrt(math.Max(s, ridge/2))
			} else {
				c[a*l+b] = s / c[b*l+b]
			}
		}
	}
}

// whiten maps the window whose last sample is at a place.
func (m *knn) whiten(place int) {
	l := m.lag
	for a := range l {
		s := m.back(place, a) - m.mean[a]
		for b := range a {
			s -= m.lower[a*l+b] * m.one[b]
		}
		m.one[a] = s / m.lower[a*l+a]
		m.whitened[place*l+a] = float32(math.Max(-deviationMost, math.Min(deviationMost, m.one[a])))
	}
}

// distance is the mean of the squared distances of a window to its nearest neighbours.
func (m *knn) distance(place int) float64 {
	l := m.lag
	w := m.whitened[place*l : place*l+l]
	m.nearest = m.nearest[:0]
	for ago := knnApart * l; ago < m.windows(); ago++ {
		other := (place - ago + m.remember) % m.remember * l
		o := m.whitened[other : other+l]
		d := 0.
		for a, x := range w {
			e := float64(x - o[a])
			d += e * e
		}
		m.insert(d)
	}
	sum := 0.
	for _, d := range m.nearest {
		sum += d
	}
	return sum / float64(max(len(m.nearest), 1))
}

// insert puts a distance among the nearest, if it is of them.
func (m *knn) insert(d float64) {
	if len(m.nearest) == m.k && d >= m.nearest[m.k-1] {
		return
	}
	if len(m.nearest) < m.k {
		m.nearest = append(m.nearest, d)
	}
	i := len(m.nearest) - 1
	for ; i > 0 && m.nearest[i-1] > d; i-- {
		m.nearest[i] = m.nearest[i-1]
	}
	m.nearest[i] = d
}

func (m *knn) layout(l *layout) {
	l.count(&m.seen, 2*m.remember)
	l.count(&m.at, m.remember-1)
	l.count(&m.sinceRenew, 2*m.remember+knnRenew)
	l.float(&m.center, &m.unit)
	l.floats(m.values)
	l.floats(m.mean)
	l.floats(m.lower)
	m.distances.layout(l)
	m.alarm.layout(l)
	if !l.reading || l.err != nil || m.seen < knnFirst {
		return
	}
	for i := range m.windows() {
		m.whiten((m.at - 1 - i + 2*m.remember) % m.remember)
	}
}

// AppendBinary implements Model.
func (m *knn) AppendBinary(to []byte) ([]byte, error) { return writeState(to, 1, m.of, m.layout), nil }

// UnmarshalBinary implements Model.
func (m *knn) UnmarshalBinary(from []byte) error {
	m.reset()
	err := readState(from, 1, m.of, m.layout)
	if err != nil {
		m.reset()
	}
	return err
}
