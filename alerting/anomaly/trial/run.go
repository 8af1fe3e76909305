package trial

import "github.com/belfry-city/belfry/alerting/anomaly/model"

// Scores are what a model that is new says of a series.
func Scores(m model.Model, s Series) []float64 {
	scores, value := make([]float64, len(s.Values)), make([]float64, 1)
	for i, v := range s.Values {
		value[0] = v
		scores[i] = m.Observe(s.Times[i], value).Score
	}
	return scores
}
