package chart

import (
	"slices"
	"time"

	"github.com/belfry-city/belfry/internal/config"
)

func middle(of []int64) int64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// tick is a place on the axis of time. below is what changes less often: the day, or the year.
type tick struct {
	at           time.Time
	label, below string
}

// step is a distance between ticks: seconds, or days, or months.
type step struct {
	seconds, days, months int
}

func (s step) length() time.Duration {
	const day = 24 * time.Hour
	return time.Duration(s.seconds)*time.Second + time.Duration(s.days)*day + time.Duration(s.months)*30*day
}

// ticksOf divides a time into at most so many parts that people count in.
func ticksOf(from, to time.Time, parts int, language config.Language) []tick {
	chosen := step{months: 12}
	for _, s := range []step{
		{seconds: 1}, {seconds: 2}, {seconds: 5}, {seconds: 10}, {seconds: 15}, {seconds: 30},
		{seconds: 60}, {seconds: 120}, {seconds: 300}, {seconds: 600}, {seconds: 900}, {seconds: 1800},
		{seconds: 3600}, {seconds: 7200}, {seconds: 10800}, {seconds: 21600}, {seconds: 43200},
		{days: 1}, {days: 2}, {days: 7}, {days: 14}, {months: 1}, {months: 2}, {months: 3}, {months: 6}, {months: 12},
	} {
		if to.Sub(from) <= time.Duration(parts)*s.length() {
			chosen = s
			break
		}
	}
	for chosen.months >= 12 && to.Sub(from) > time.Duration(parts)*chosen.length() {
		chosen.months *= 2
	}
	var ticks []tick
	before := ""
	for at := chosen.begin(from); !at.After(to); at = chosen.after(at) {
		if at.Before(from) {
			continue
		}
		t := tick{at: at}
		if t.label, t.below = chosen.words(at, language); t.below == before {
			t.below = ""
		} else {
			before = t.below
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// begin is a round time at or before another.
func (s step) begin(from time.Time) time.Time {
	y, m, d := from.Date()
	switch {
	case s.months >= 12:
		years := s.months / 12
		return time.Date(y-y%years, 1, 1, 0, 0, 0, 0, from.Location())
	case s.months > 0:
		return time.Date(y, m-(m-1)%time.Month(s.months), 1, 0, 0, 0, 0, from.Location())
	case s.days >= 7: // from Mondays on
		return time.Date(y, m, d-(int(from.Weekday())+6)%7, 0, 0, 0, 0, from.Location())
	}
	return time.Date(y, m, d, 0, 0, 0, 0, from.Location())
}

func (s step) after(at time.Time) time.Time {
	if s.seconds > 0 {
		next := at.Add(time.Duration(s.seconds) * time.Second)
		// Clocks that are set keep round times.
		if _, a := at.Zone(); s.seconds > 3600 {
			if _, b := next.Zone(); a != b {
				next = next.Add(time.Duration(a-b) * time.Second)
			}
		}
		return next
	}
	return at.AddDate(0, s.months, s.days)
}

func (s step) words(at time.Time, language config.Language) (label, below string) {
	day, month, year := "2 Jan", "Jan", "2006"
	if language == config.LanguageChinese {
		day, month, year = "1月2日", "1月", "2006年"
	}
	switch {
	case s.months >= 12:
		return at.Format(year), ""
	case s.months > 0:
		return at.Format(month), at.Format(year)
	case s.days > 0:
		return at.Format(day), at.Format(year)
	case s.seconds < 60:
		return at.Format("15:04:05"), at.Format(day + " " + year)
	}
	if language == config.LanguageChinese {
		return at.Format("15:04"), at.Format(year + day)
	}
	return at.Format("15:04"), at.Format(day + " " + year)
}
