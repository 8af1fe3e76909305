package model

import "math"

func (m *multivariate) sd(c int) float64 {
	return math.Max(math.Sqrt(m.cov[c*m.series+c]), 1e-9*math.Abs(m.mean[c])+1e-100)
}

// relate has the inverse of the correlations of those that are there.
func (m *multivariate) relate() {
	p := m.series
	independent := math.Max(m.n/m.smooth, 1)
	sure := independent / (multivariateDoubt*float64(p) + independent)
	for i := range p {
		for j := range i {
			r := 0.
			if m.there[i] && m.there[j] {
				r = sure * math.Max(-1, math.Min(1, m.cov[i*p+j]/m.sd(i)/m.sd(j)))
			}
			m.inverse[i*p+j], m.inverse[j*p+i] = r, r
		}
		m.inverse[i*p+i] = 1
	}
	invert(m.inverse, p)
}

// residuals puts into e how far each sensor is from what the others say, in standard deviations of it.
func (m *multivariate) residuals(x, e []float64) {
	p := m.series
	for c := range p {
		m.z[c] = 0
		if m.there[c] {
			m.z[c] = math.Max(-multivariateFar, math.Min(multivariateFar, (x[c]-m.mean[c])/m.sd(c)))
		}
	}
	for c := range p {
		e[c] = 0
		for j := range p {
			e[c] += m.inverse[c*p+j] * m.z[j]
		}
		e[c] /= math.Sqrt(m.inverse[c*p+c])
	}
}

// stays is which part of a residual is still there a delay later. The inverse has to be that of now.
func (m *multivariate) stays(c int) float64 {
	s := m.wanders(c) / m.inverse[c*m.series+c] // which is how much of the sensor the others do not explain
	if m.level[c] > 0 {
		s = math.Max(s, m.lagged[c]/m.level[c])
	}
	return math.Min(1, s)
}

// wanders is which part of what a sensor is from its mean is still there a delay later.
func (m *multivariate) wanders(c int) float64 {
	v := m.cov[c*m.series+c]
	if !(v > 0) {
		return 0
	}
	return math.Max(0, 1-m.moved[c]/v)
}

// compare puts into e how far each sensor is from what the others say, and into d which part of that is new.
func (m *multivariate) compare(x, before []float64) {
	missing := false
	for c := range m.there {
		m.there[c] = m.known[c] > 0
		missing = missing || m.there[c] && !(finite(x[c]) && finite(before[c]))
	}
	m.relate()
	for c := range m.stay {
		m.stay[c], m.part[c] = m.stays(c), 1
	}
	if missing {
		m.without(x, before)
	}
	m.residuals(before, m.was)
	m.residuals(x, m.e)
	for c := range m.d {
		m.d[c] = (m.e[c] - m.stay[c]*m.was[c]) * m.part[c]
	}
}

// without leaves out sensors that have no value. Of what only they would have explained of the others nobody knows how it goes, so
// that it is taken to stay, and adds to how far these go ordinarily.
func (m *multivariate) without(x, before []float64) {
	for c, is := range m.there {
		m.part[c] = 1 / m.inverse[c*m.series+c]
		m.there[c] = is && finite(x[c]) && finite(before[c])
	}
	m.relate()
	for c := range m.there {
		unexplained := 1 - math.Min(1, m.part[c]*m.inverse[c*m.series+c])
		_, down, up := m.single[c].units()
		usual := (down + up) / 2
		own := usual * usual / (usual*usual + unexplained)
		m.stay[c] = own*m.stay[c] + 1 - own
		m.part[c] = math.Sqrt(own)
	}
}

// invert inverts a symmetric positive definite matrix in place, by Gauss and Jordan.
func invert(a []float64, p int) {
	for k := range p {
		d := 1 / math.Max(a[k*p+k], 1e-9)
		for i := range p {
			if i == k {
				continue
			}
			f := a[i*p+k] * d
			for j := range p {
				if j != k {
					a[i*p+j] -= f * a[k*p+j]
				}
			}
			a[i*p+k] = -f
		}
		for j := range p {
			if j != k {
				a[k*p+j] *= d
			}
		}
		a[k*p+k] = d
	}
	for k := range p {
		a[k*p+k] = math.Max(a[k*p+k], 1e-9)
	}
}
