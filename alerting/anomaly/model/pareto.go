package model

import "math"

// pareto is a generalised Pareto distribution, which excesses over a high threshold have (Siffer et al., Anomaly Detection
// in Streams with Extreme Value Theory, KDD 2017). Its scale is 0 where nothing is known.
type pareto struct{ shape, scale float64 }

// paretoOf follows from mean and mean square of the excesses (Hosking and Wallis 1987). Its variance is at least so much
// of the square of the mean.
func paretoOf(mean, square, leastShape, leastVariance float64) pareto {
	variance := math.Max(square-mean*mean, leastVariance*mean*mean)
	shape := math.Max(leastShape, math.Min(0.5*(1-mean*mean/variance), 0.45))
	return pareto{shape: shape, scale: mean * (1 - shape)}
}

// surprise is the negative decimal logarithm of how likely an excess as large is, of a threshold that so many exceed.
func (p pareto) surprise(excess, beyond float64) float64 {
	return math.Min(surpriseMost, -math.Log10(beyond)+math.Log10(1+p.shape*excess/p.scale)/p.shape)
}

// excess is how large one is whose surprise is u.
func (p pareto) excess(u, beyond float64) float64 {
	if p.scale == 0 {
		return 0
	}
	return p.scale / p.shape * (math.Pow(10, p.shape*(u+math.Log10(beyond))) - 1)
}

// surpriseMost bounds surprises.
const surpriseMost = 20
