package loadtest

import (
	"errors"
	"fmt"
	"time"
)

// Plan says how much is sent, how fast, and of which instants.
type Plan struct {
	// Connections work in parallel; 0 stands for 4.
	Connections int
	// Rate is in samples a second; 0 means as fast as it goes.
	Rate float64
	// Duration and Samples end the run, whichever comes first. Samples are
	// rounded up to whole requests.
	Duration time.Duration
	Samples  int64
	// Interval is what lies between two readings of a series. 0 means that
	// readings are of the moment in which their round begins.
	Interval time.Duration
	// Start is the instant of the first round when there is an interval. Zero
	// means such that the last round is of the moment at which it is due.
	Start time.Time
	// After is an instant than which all readings are later when there is no
	// interval: the last of a run before this one, whose rounds may have been
	// less than a millisecond each and so ahead of the clock.
	After time.Time
	// RetryFor is for how long a request is sent again and again before it is
	// given up as lost; 0 stands for two minutes.
	RetryFor time.Duration
}

// Late and early are what Belfry takes by default.
const (
	mostLate  = 24 * time.Hour
	mostEarly = 10 * time.Minute
	margin    = time.Minute
)

// fill sets what has a default and refuses what makes no sense.
func (p *Plan) fill(load Load) error {
	if p.Connections == 0 {
		p.Connections = 4
	}
	if p.RetryFor == 0 {
		p.RetryFor = 2 * time.Minute
	}
	switch {
	case p.Connections < 1:
		return fmt.Errorf("connections: want at least 1; got %d", p.Connections)
	case p.Rate < 0:
		return fmt.Errorf("rate: want samples a second, or 0 for as fast as it goes; got %v", p.Rate)
	case p.Duration < 0 || p.Samples < 0 || p.Interval < 0 || p.RetryFor < 0:
		return errors.New("duration, samples, interval and retry time: want no negative values")
	case p.Duration == 0 && p.Samples == 0:
		return errors.New("duration or samples: one must be given, or the run would not end")
	case p.Interval%time.Millisecond != 0:
		return fmt.Errorf("interval: want whole milliseconds; got %v", p.Interval)
	case p.Interval > 0 && p.Start.IsZero():
		return p.fillStart(load)
	}
	return nil
}

func (p *Plan) fillStart(load Load) error {
	rounds, ok := p.rounds(load)
	if !ok {
		return errors.New("interval: with rate 0 it needs samples, so that the end is known and can be now")
	}
	end := time.Now()
	if p.Rate > 0 {
		end = end.Add(time.Duration(float64(rounds) * float64(samplesPerRound(load)) / p.Rate * float64(time.Second)))
	}
	p.Start = end.Add(-time.Duration(rounds) * p.Interval).Truncate(time.Millisecond)
	late, early := time.Since(p.Start), time.Until(p.Start)
	if late > mostLate-margin || early > mostEarly-margin {
		return fmt.Errorf("interval: %d rounds at %v would begin at %s; want between 24 hours ago and 10 minutes ahead",
			rounds, p.Interval, p.Start.Format(time.RFC3339))
	}
	return nil
}

// rounds is how many rounds the run takes, if that can be known.
func (p *Plan) rounds(load Load) (int64, bool) {
	samples := p.Samples
	if p.Rate > 0 && p.Duration > 0 {
		if due := int64(p.Rate * p.Duration.Seconds()); samples == 0 || due < samples {
			samples = due
		}
	}
	if samples == 0 {
		return 0, false
	}
	per := samplesPerRound(load)
	return (samples + per - 1) / per, true
}

func samplesPerRound(load Load) int64 {
	n := int64(0)
	for part := range load.Parts() {
		n += int64(load.Samples(part))
	}
	return n
}
