package liveness

import "slices"

// rhythm learns how often something is heard of a device. Times and lengths are
// in milliseconds.
//
// Readings that come together are one sign: a gap counts from half a second on,
// and from a quarter of what is usual. Where two thirds of the last gaps are alike,
// and most of the time passed in them, the interval is the third longest: a lost
// message or two change nothing, and losing often does. Of devices that report
// when something happens the last gaps say nothing about the next night. These are
// observed for a week, and their interval is the longest gap of one or two.
type rhythm struct {
	Gaps []int64 `json:"gaps,omitempty"` // the last ones, oldest first
	// Since is the first sign, Counted the last one.
	Since   int64 `json:"since,omitempty"`
	Counted int64 `json:"counted,omitempty"`
	// Regular is whether most gaps are alike, and were for as many signs as there are
	// Gaps: at random, it happens. Alike counts these.
	Regular bool `json:"regular,omitempty"`
	Alike   int  `json:"alike,omitempty"`
	// Late are the last gaps that were longer than allowed. Where half of the time
	// passes in such, it is a new habit.
	Late []late `json:"late,omitempty"`
	// Longest is the longest gap of this week, Before of the one before; Week is when
	// this one began.
	Longest int64 `json:"longest,omitempty"`
	Before  int64 `json:"before,omitempty"`
	Week    int64 `json:"week,omitempty"`

	// usual is the gap in which, or in longer ones, half of the time passes, without
	// the longest one; third is the third longest. Both are 0 where there are too few.
	usual, third int64
}

// late is a gap and when it ended.
type late struct {
	At  int64 `json:"at"`
	Gap int64 `json:"gap"`
}

const (
	gapsKept   = 16
	leastGap   = 500
	leastSpan  = 60_000 // for which a device is observed at least
	week       = 7 * 24 * 3_600_000
	lateKept   = 3
	alikeShare = 4 // a gap is like the median if it differs by at most a fourth
)

// sign notes a sign of life at now; allowed is how long the device may be
// silent, 0 where nothing is known.
func (r *rhythm) sign(now, allowed int64) {
	if r.Since == 0 || now < r.Counted {
		// The first one, or the clock was set back.
		r.Since, r.Counted, r.Week = now, now, now
		return
	}
	gap := now - r.Counted
	if gap < r.quiet() {
		return
	}
	r.Counted = now
	if now-r.Week >= week {
		r.Week, r.Before, r.Longest = now, r.Longest, 0
	}
	r.Longest = max(r.Longest, gap)
	if allowed == 0 || gap <= allowed {
		r.add(gap)
	} else {
		r.addLate(late{now, gap})
	}
	r.measure(true)
}

func (r *rhythm) add(gap int64) {
	if len(r.Gaps) == gapsKept {
		r.Gaps = slices.Delete(r.Gaps, 0, 1)
	}
	r.Gaps = append(r.Gaps, gap)
}

// addLate notes a gap that was too long, or finds that such are the habit now.
func (r *rhythm) addLate(l late) {
	if r.Late = append(r.Late, l); len(r.Late) < lateKept {
		return
	}
	sum, gaps := int64(0), make([]int64, 0, lateKept)
	for _, l := range r.Late {
		sum += l.Gap
		gaps = append(gaps, l.Gap)
	}
	if span := l.At - (r.Late[0].At - r.Late[0].Gap); sum < span/2 {
		r.Late = slices.Delete(r.Late, 0, 1)
		return
	}
	slices.Sort(gaps)
	r.Gaps, r.Late = r.Gaps[:0], r.Late[:0]
	for range gapsKept {
		r.add(gaps[lateKept/2])
	}
	r.Alike = gapsKept
}

// quiet is how long after a counted sign others belong to it.
func (r *rhythm) quiet() int64 { return max(leastGap, r.usual/4) }

// measure looks at the gaps anew; another says that there is another sign.
func (r *rhythm) measure(another bool) {
	var all [gapsKept]int64
	gaps := all[:copy(all[:], r.Gaps)]
	slices.Sort(gaps)
	r.usual, r.third = 0, 0
	if len(gaps) < lateKept {
		return
	}
	r.third = gaps[len(gaps)-lateKept]
	sum, longer := int64(0), int64(0)
	for _, g := range gaps[:len(gaps)-1] {
		sum += g
	}
	for _, g := range slices.Backward(gaps[:len(gaps)-1]) {
		if longer += g; longer >= sum/2 {
			r.usual = g
			break
		}
	}
	if another && len(gaps) == gapsKept {
		r.compare(gaps, sum+gaps[gapsKept-1])
	}
}

// compare finds out whether the device is regular; gaps are sorted.
func (r *rhythm) compare(gaps []int64, sum int64) {
	median, alike, within := gaps[gapsKept/2], 0, int64(0)
	for _, g := range gaps {
		if d := g - median; d <= median/alikeShare && -d <= median/alikeShare {
			alike++
			within += g
		}
	}
	if alike*3 >= gapsKept*2 && within*3 >= sum*2 {
		r.Alike = min(r.Alike+1, gapsKept)
	} else {
		r.Alike = 0
	}
	stays := r.Regular && alike*2 >= gapsKept && within*2 >= sum
	r.Regular = stays || r.Alike == gapsKept
}

// interval is how often the device is heard; 0 where that is not known.
func (r *rhythm) interval() int64 {
	observed := r.Counted - r.Since
	switch {
	case r.Regular && observed >= leastSpan:
		return r.third
	case observed >= week:
		return max(r.Longest, r.Before)
	}
	return 0
}
