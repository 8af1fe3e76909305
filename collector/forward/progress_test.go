package forward

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/wal/tail"
)

// course is a forwarder's progress by a clock of its own. Each ack is one byte
// further.
type course struct {
	t   *testing.T
	now time.Time
	progress
}

func newCourse(t *testing.T) *course {
	c := &course{t: t, now: time.Unix(1e9, 0), progress: progress{resend: 15 * time.Second}}
	c.begin(tail.Position{}, tail.Position{}, true, c.now)
	return c
}

func (c *course) wait(d time.Duration) { c.now = c.now.Add(d) }

// takes has the target accept something four times a second.
func (c *course) takes(d time.Duration) {
	for range d / (250 * time.Millisecond) {
		c.wait(250 * time.Millisecond)
		c.accept()
	}
}

func (c *course) accept() { c.ack(tail.Position{Offset: c.acked.Offset + 1}, true, c.now) }

// answers has the target give signs of life.
func (c *course) answers(d time.Duration) {
	for range d / time.Second {
		c.wait(time.Second)
		c.see(c.now)
	}
}

// requireOpen compares how much is sent again when the target dies now.
func (c *course) requireOpen(bytes int64) {
	c.t.Helper()
	acked, settled, _ := c.progress.now()
	require.Equal(c.t, bytes, acked.Offset-settled.Offset)
}

func TestATargetThatTakesSamplesAllTheTimeHasTheOlderOnDisk(t *testing.T) {
	c := newCourse(t)
	c.takes(time.Minute)
	c.requireOpen(60)
	c.takes(time.Minute)
	c.requireOpen(60)
}

// TestAStoppedTargetHasHadNoTimeToWrite is what happens when a database is stopped
// (by a debugger, a live migration, a full disk of its host) and killed as soon
// as it runs again.
func TestAStoppedTargetHasHadNoTimeToWrite(t *testing.T) {
	for _, away := range []time.Duration{20 * time.Second, time.Hour} {
		c := newCourse(t)
		c.takes(time.Minute)
		c.wait(away) // it is stopped, or Belfry is
		c.accept()   // and takes something before it is killed
		c.requireOpen(57)
		require.True(t, c.rewind(true))
		c.requireOpen(0)
	}
}

func TestASlowTargetHasItOnDiskLater(t *testing.T) {
	c := newCourse(t)
	for range 60 {
		c.wait(3 * time.Second)
		c.accept()
	}
	c.requireOpen(15)
}

func TestAnIdleTargetIsTrustedOnceItHasAnsweredLongEnough(t *testing.T) {
	c := newCourse(t)
	c.takes(time.Minute)
	c.wait(time.Hour) // nothing to send, and no answer
	for range 1000 {  // others are written, which are not for this target
		c.ack(tail.Position{Offset: c.acked.Offset + 1}, false, c.now)
	}
	c.requireOpen(1060)
	c.answers(13 * time.Second)
	open, _ := c.unsettled()
	require.True(t, open)
	c.answers(2 * time.Second)
	open, _ = c.unsettled()
	require.False(t, open)
	c.requireOpen(0)
	c.ack(tail.Position{Offset: c.acked.Offset + 1}, false, c.now)
	c.requireOpen(0)
}

func TestASuspicionIsActedOnAFewTimes(t *testing.T) {
	c := newCourse(t)
	c.takes(time.Minute)
	for range mostRewinds {
		require.True(t, c.rewind(false))
		c.ack(tail.Position{Offset: c.acked.Offset + 1}, false, c.now)
		c.takes(10 * time.Second)
	}
	require.False(t, c.rewind(false))
	c.takes(20 * time.Second)
	require.True(t, c.rewind(false))
}
