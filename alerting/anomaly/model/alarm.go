package model

import "math"

// alarm makes of surprises scores that are over 1 once for each cause.
type alarm struct {
	limit float64 // surprise of an alarm
	pause int     // samples
	rest  int     // samples that are left of the pause
	often float64 // alarms of late
	worst float64 // the largest surprise of the pause
}

const (
	// alarmMemory is for how many samples an alarm is remembered, and alarmRaise by what part each one that is raises the
	// limit: a series whose ordinary values surprise again and again has to surprise more.
	alarmMemory = 5000
	alarmRaise  = 0.15
	// alarmWorse is by what factor something must surprise more than what began the pause to be another cause.
	alarmWorse = 1.5
)

// newAlarm makes one for surprises that are about the same for so many samples in a row.
func newAlarm(set Settings, same float64) alarm {
	return alarm{limit: math.Max(1.5, math.Log10(set["every"]/same)), pause: int(set["rest"])}
}

// alarmOptions are those that all models of single series have.
func alarmOptions(more ...Option) []Option {
	return append(more,
		Option{
			Name: "every", Default: 5000, Min: 100, Max: 1e9,
			Meaning: "samples in which one false alarm is accepted",
		},
		Option{
			Name: "rest", Default: 100, Min: 0, Max: 100_000, Whole: true,
			Meaning: "samples after an alarm in which there is no other",
		})
}

func (a *alarm) bar() float64 { return a.limit * (1 + alarmRaise*a.often) }

// score is that of a sample so surprising.
func (a *alarm) score(u float64) float64 {
	a.often -= a.often / alarmMemory
	s := u / a.bar()
	resting := a.rest > 0
	a.rest = max(a.rest-1, 0)
	switch {
	case resting && u <= alarmWorse*a.worst:
		a.worst = math.Max(a.worst, u)
		return math.Min(s, 0.99)
	case s > 1:
		a.rest, a.worst = a.pause, u
		a.often++
	}
	return s
}

func (a *alarm) layout(l *layout) {
	l.count(&a.rest, a.pause)
	l.float(&a.often, &a.worst)
}
