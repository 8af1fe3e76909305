package evaluate

import "time"

// credit is what is left of a share of a processor.
type credit struct {
	share float64
	// saved is how much may be saved up.
	saved time.Duration
	left  time.Duration
	at    time.Time
}

func newCredit(share float64, saved time.Duration) credit {
	return credit{share: share, saved: saved, left: saved, at: time.Now()}
}

// earn brings the credit up to date, and returns how long it takes until there
// is some.
func (c *credit) earn(now time.Time) time.Duration {
	if passed := now.Sub(c.at); passed > 0 {
		c.left = min(c.saved, c.left+time.Duration(float64(passed)*c.share))
		c.at = now
	}
	if c.left > 0 {
		return 0
	}
	return c.wait() + time.Millisecond
}

// wait is how long it takes from the last look on.
func (c *credit) wait() time.Duration { return time.Duration(float64(-c.left) / c.share) }
