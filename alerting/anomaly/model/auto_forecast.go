package model

import "math"

// regressors are what a forecast is made of.
const regressors = 8

// forecast foretells the next value from some that are known, by recursive least squares that forgets (Plackett, Biometrika
// 37, 1950; Ljung, System Identification, 2nd ed. 1999, 11.2).
type forecast struct {
	weights [regressors]float64
	// covariance is symmetric; its lower triangle is kept, row by row.
	covariance [regressors * (regressors + 1) / 2]float64
}

const (
	forecastKeep = 0.998
	forecastMost = 1e4 // bounds the covariance where nothing is learned any more
)

func (f *forecast) begin() {
	for i := range regressors {
		f.covariance[i*(i+1)/2+i] = 100
	}
}

func (f *forecast) of(in *[regressors]float64) (sum float64) {
	for i, v := range in {
		sum += v * f.weights[i]
	}
	return sum
}

// learn takes by how much the value lay above the forecast.
func (f *forecast) learn(in *[regressors]float64, residual float64) {
	var gain [regressors]float64
	c := &f.covariance
	for i := range regressors {
		row := c[i*(i+1)/2:]
		for j := range i {
			gain[i] += row[j] * in[j]
			gain[j] += row[j] * in[i]
		}
		gain[i] += row[i] * in[i]
	}
	d := forecastKeep
	for i, g := range gain {
		d += in[i] * g
	}
	for i, g := range gain {
		f.weights[i] += g / d * residual
		row := c[i*(i+1)/2:]
		for j := range i + 1 {
			row[j] = (row[j] - g*gain[j]/d) / forecastKeep
		}
	}
	for i := range regressors {
		if variance := c[i*(i+1)/2+i]; variance > forecastMost {
			f.shrink(i, math.Sqrt(forecastMost/variance))
		}
	}
}

// shrink has a weight be less uncertain by a factor, and no correlation be more than one.
func (f *forecast) shrink(i int, by float64) {
	for j := range regressors {
		high, low := max(i, j), min(i, j)
		f.covariance[high*(high+1)/2+low] *= by
	}
	f.covariance[i*(i+1)/2+i] *= by
}

func (f *forecast) layout(l *layout) {
	l.floats(f.weights[:])
	l.floats(f.covariance[:])
}
