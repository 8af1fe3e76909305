package trial

import "math"

// Outcome is how well the scores of a series, or of several, find its windows.
type Outcome struct {
	Samples int
	// Windows, and those of them in which there was an alarm.
	Windows, Found int
	// False are alarms outside of windows.
	False int
	// Delay is the sum, over the windows found, of how many samples came before the alarm.
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
				o.Delay += i - w.From
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
	o.Windows += p.Windows
	o.Found += p.Found
	o.False += p.False
	o.Delay += p.Delay
	o.Reward += p.Reward
}

// Points are 100 for perfection and 0 for silence.
func (o Outcome) Points() float64 {
	if o.Windows == 0 {
		return 0
	}
	silence := -float64(o.Windows)
	return 100 * (o.Reward - silence) / (float64(o.Windows) - silence)
}
