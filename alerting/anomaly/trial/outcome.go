package trial

import "math"

// Outcome is how well the scores of a series, or of several, find its windows.
type Outcome struct {
	Samples int
	// Span is how long it took, in milliseconds.
	Span int64
	// Windows, and those of them in which there was an alarm.
	Windows, Found int
	// False are alarms outside of windows.
	False int
	// Delay is the sum, over the windows found, of how many samples after the onset the alarm came, none if it came before.
	Delay int
	// Reward adds up what alarms are worth: see Points.
	Reward float64
}

const (
	// Probation is the part of a series in which alarms do not count.
	Probation = 0.15
	// probationOf bounds it, in samples.
	probationOf = 5000
	costOfFalse = 0.11
)

// ProbationOf is how many of n samples are probation.
func ProbationOf(n int) int { return int(Probation * float64(min(n, probationOf))) }

// Judge says how well alarms are placed, which are scores of at least 1.
//
// The rule is that of Lavin and Ahmad, Evaluating Real-time Anomaly Detection Algorithms (2015): a window counts once, by
// its first alarm, which is worth the more the earlier it comes; a false one costs the more the further it is behind
// a window.
func Judge(s Series, scores []float64) Outcome {
	o := Outcome{Samples: len(scores), Windows: len(s.Windows)}
	if len(scores) > 0 {
		o.Span = s.Times[len(scores)-1] - s.Times[0]
	}
	next, found := 0, make([]bool, len(s.Windows))
	for i, score := range scores {
		for next < len(s.Windows) && i >= s.Windows[next].To {
			next++
		}
		if !(score >= 1) || i < ProbationOf(len(scores)) {
			continue
		}
		if next < len(s.Windows) && s.Windows[next].has(i) {
			if w := s.Windows[next]; !found[next] {
				found[next] = true
				o.Found++
				o.Delay += max(0, i-w.At)
				o.Reward += sigmoid(float64(i-w.To+1)/float64(w.To-w.From)) / sigmoid(-1)
			}
			continue
		}
		o.False++
		behind := -1.
		if next > 0 {
			w := s.Windows[next-1]
			behind = sigmoid(float64(i-w.To+1) / float64(w.To-w.From-1))
		}
		o.Reward += costOfFalse * behind
	}
	o.Reward -= float64(o.Windows - o.Found)
	return o
}

// sigmoid goes from nearly 1 at the left edge of a window, -1, to 0 at its right edge and to -1 far behind it.
func sigmoid(y float64) float64 {
	if y > 3 {
		return -1
	}
	return 2/(1+math.Exp(5*y)) - 1
}

// Add adds the outcome of another series.
func (o *Outcome) Add(p Outcome) {
	o.Samples += p.Samples
	o.Span += p.Span
	o.Windows += p.Windows
	o.Found += p.Found
	o.False += p.False
	o.Delay += p.Delay
	o.Reward += p.Reward
}

// MeanDelay is in samples.
func (o Outcome) MeanDelay() float64 { return float64(o.Delay) / float64(o.Found) }

// Recall is which part of the windows was found.
func (o Outcome) Recall() float64 { return float64(o.Found) / float64(o.Windows) }

// Precision is which part of what an operator heard of was right, when a window counts once and each false alarm too.
func (o Outcome) Precision() float64 { return float64(o.Found) / float64(o.Found+o.False) }

// F1 is the harmonic mean of precision and recall.
func (o Outcome) F1() float64 { return 2 * float64(o.Found) / float64(o.Windows+o.Found+o.False) }

// FalsePerDay is how many false alarms a series has a day.
func (o Outcome) FalsePerDay() float64 { return float64(o.False) / (float64(o.Span) / float64(day)) }

// FalseOf is how many false alarms there are in so many samples.
func (o Outcome) FalseOf(samples int) float64 {
	return float64(o.False) / float64(o.Samples) * float64(samples)
}

// Points are 100 for perfection and 0 for silence.
func (o Outcome) Points() float64 {
	if o.Windows == 0 {
		return 0
	}
	silence := -float64(o.Windows)
	return 100 * (o.Reward - silence) / (float64(o.Windows) - silence)
}
