package score

import (
	"encoding/json"
	"math"
	"slices"
	"time"
)

// Tally takes the rows of a file, in the order of their times. The zero value, with a threshold, is ready.
type Tally struct {
	// Threshold is what a score has to exceed to be an alarm.
	Threshold float64
	// Labels is whether rows are labelled at all.
	Labels bool

	rows              int
	points            Points
	first, last       int64
	windows           []Window
	alarms            []Alarm
	inWindow, inAlarm bool
}

// Window is a run of rows that are labelled.
type Window struct {
	// Start and End are the times of its first and last row, in milliseconds since 1970.
	Start, End int64
	// Found is whether one of its rows has an alarm, and Delay how long after Start the first one.
	Found bool
	Delay time.Duration
}

// Alarm is a run of rows with a score over the threshold.
type Alarm struct {
	// Start and End are the times of its first and last row, in milliseconds since 1970.
	Start, End int64
	// Right is whether one of its rows is labelled.
	Right bool
}

// Add takes a row: its time in milliseconds since 1970, its score, and whether it is labelled.
func (t *Tally) Add(at int64, score float64, labelled bool) {
	alarm := score > t.Threshold
	if t.rows == 0 {
		t.first = at
	}
	t.rows++
	t.last = at
	t.points.add(alarm, labelled)
	if labelled && !t.inWindow {
		t.windows = append(t.windows, Window{Start: at})
	}
	if labelled {
		t.windows[len(t.windows)-1].End = at
	}
	if alarm && !t.inAlarm {
		t.alarms = append(t.alarms, Alarm{Start: at})
	}
	if alarm {
		a := &t.alarms[len(t.alarms)-1]
		a.End = at
		if labelled {
			a.Right = true
			if w := &t.windows[len(t.windows)-1]; !w.Found {
				w.Found, w.Delay = true, time.Duration(at-w.Start)*time.Millisecond
			}
		}
	}
	t.inWindow, t.inAlarm = labelled, alarm
}

// Windows are those so far. The caller must not change them.
func (t *Tally) Windows() []Window { return t.windows }

// Alarms are those so far. The caller must not change them.
func (t *Tally) Alarms() []Alarm { return t.alarms }

// Points count rows by what the detector and the labels say of them.
type Points struct {
	TruePositives  int `json:"true_positives"`
	FalsePositives int `json:"false_positives"`
	FalseNegatives int `json:"false_negatives"`
	TrueNegatives  int `json:"true_negatives"`
}

func (p *Points) add(alarm, labelled bool) {
	switch {
	case alarm && labelled:
		p.TruePositives++
	case alarm:
		p.FalsePositives++
	case labelled:
		p.FalseNegatives++
	default:
		p.TrueNegatives++
	}
}

// Ratio is NaN, null in JSON, where there is nothing to divide by.
type Ratio float64

// MarshalJSON implements json.Marshaler.
func (r Ratio) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(r)) || math.IsInf(float64(r), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(r))
}

func ratio(a, b float64) Ratio {
	if b == 0 {
		return Ratio(math.NaN())
	}
	return Ratio(a / b)
}

// Summary is what labels say of a detector. Rows are those that were judged.
type Summary struct {
	Rows      int     `json:"rows"`
	Threshold float64 `json:"threshold"`
	// Days is the time from the first row to the last.
	Days         Ratio `json:"days"`
	Alarms       int   `json:"alarms"`
	AlarmsPerDay Ratio `json:"alarms_per_day"`
	// Labels is nil where there are none.
	Labels *Labels `json:"labels,omitempty"`
}

// Labels is what only labels can tell.
type Labels struct {
	Points
	Precision Ratio `json:"precision"`
	Recall    Ratio `json:"recall"`
	F1        Ratio `json:"f1"`
	// FalseAlarmRate is the share of unlabelled rows with an alarm, MissedAlarmRate that of labelled ones without.
	FalseAlarmRate  Ratio `json:"false_alarm_rate"`
	MissedAlarmRate Ratio `json:"missed_alarm_rate"`

	Windows int `json:"windows"`
	Found   int `json:"windows_found"`
	Missed  int `json:"windows_missed"`
	// FalseAlarms are runs of rows with an alarm none of which is labelled; their days are those outside of windows.
	FalseAlarms       int   `json:"false_alarms"`
	AlarmPrecision    Ratio `json:"alarm_precision"`
	FalseAlarmsPerDay Ratio `json:"false_alarms_per_day"`
	// The delays are from the first row of a window that was found to its first alarm.
	MeanDelay   Ratio `json:"mean_delay_seconds"`
	MedianDelay Ratio `json:"median_delay_seconds"`
}

// Summary sums up the rows so far.
func (t *Tally) Summary() Summary {
	all := t.last - t.first
	s := Summary{
		Rows: t.rows, Threshold: t.Threshold, Days: Ratio(days(all)), Alarms: len(t.alarms),
		AlarmsPerDay: ratio(float64(len(t.alarms)), days(all)),
	}
	if !t.Labels {
		return s
	}
	p := t.points
	l := Labels{Points: p, Windows: len(t.windows)}
	tp, fp, fn, tn := float64(p.TruePositives), float64(p.FalsePositives), float64(p.FalseNegatives), float64(p.TrueNegatives)
	l.Precision, l.Recall, l.F1 = ratio(tp, tp+fp), ratio(tp, tp+fn), ratio(2*tp, 2*tp+fp+fn)
	l.FalseAlarmRate, l.MissedAlarmRate = ratio(fp, fp+tn), ratio(fn, fn+tp)
	var delays []float64
	quiet := all
	for _, w := range t.windows {
		quiet -= w.End - w.Start
		if w.Found {
			l.Found++
			delays = append(delays, w.Delay.Seconds())
		}
	}
	l.Missed = l.Windows - l.Found
	for _, a := range t.alarms {
		if !a.Right {
			l.FalseAlarms++
		}
	}
	l.AlarmPrecision = ratio(float64(len(t.alarms)-l.FalseAlarms), float64(len(t.alarms)))
	l.FalseAlarmsPerDay = ratio(float64(l.FalseAlarms), days(quiet))
	l.MeanDelay, l.MedianDelay = mean(delays), median(delays)
	s.Labels = &l
	return s
}

// days is how many there are in so many milliseconds, which may be centuries: longer than a time.Duration.
func days(ms int64) float64 {
	const day = 24 * time.Hour
	return float64(ms) / float64(day.Milliseconds())
}

func mean(of []float64) Ratio {
	sum := 0.0
	for _, v := range of {
		sum += v
	}
	return ratio(sum, float64(len(of)))
}

func median(of []float64) Ratio {
	if len(of) == 0 {
		return Ratio(math.NaN())
	}
	of = slices.Sorted(slices.Values(of))
	return Ratio((of[(len(of)-1)/2] + of[len(of)/2]) / 2)
}
