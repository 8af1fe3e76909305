package forward

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWhatAStoppedTargetHadInMemoryIsSentAgain stops a target for longer than it
// takes to be sure of what it accepted, and kills it when it runs again.
func TestWhatAStoppedTargetHadInMemoryIsSentAgain(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	f := s.started("city", g, func(o *Options) { o.Resend = 3 * time.Second })
	s.write("gas_ch4_percent", 1000)
	s.waitFor(g, 1000)
	g.frozen.Lock()
	s.write("gas_ch4_percent", 100)
	require.Never(t, func() bool { open, _ := f.progress.unsettled(); return !open }, 4*time.Second, 10*time.Millisecond)
	g.frozen.Unlock()
	s.waitFor(g, 1100)
	addr := g.Listener.Addr().String()
	g.CloseClientConnections()
	g.Close()
	g.do(func() { clear(g.lines) })
	require.Eventually(t, func() bool { return s.metric(`rewinds_total{target="city"}`) == "1" }, time.Minute, time.Millisecond)
	again := listenAt(t, addr, g)
	defer again.Close()
	s.waitFor(g, 1100)
	stop(t, f)
}

func TestAnIdleTargetIsAskedUntilWhatItAcceptedIsOnItsDisk(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	f := s.started("city", g, func(o *Options) { o.Resend = 2 * time.Second })
	s.write("gas_ch4_percent", 100)
	s.waitFor(g, 100)
	require.Eventually(t, func() bool {
		c, err := readCursor(f.opts.Dir)
		return err == nil && c != nil && c.Acked.Offset > 0 && c.Acked == c.Settled
	}, time.Minute, 10*time.Millisecond)
	asked := g.asked.Load()
	require.Positive(t, asked)
	require.Never(t, func() bool { return g.asked.Load() > asked }, 2*time.Second, 10*time.Millisecond)
	stop(t, f)
	require.Equal(t, 1, g.count())
}

func TestAStopIsNotCleanWhenTheTargetGivesNoSignOfLife(t *testing.T) {
	s, g := newStand(t), newTarget(t)
	f := s.started("city", g, nil)
	s.write("gas_ch4_percent", 1000)
	s.waitFor(g, 1000)
	require.Eventually(t, func() bool { return s.metric(`sent_samples_total{target="city"}`) == "1000" }, time.Minute, time.Millisecond)
	g.frozen.Lock()
	stop(t, f)
	g.frozen.Unlock()
	g.do(func() { clear(g.lines) }) // it was killed
	f = s.started("city", g, nil)
	s.waitFor(g, 1000)
	stop(t, f)

	f = s.started("city", g, nil)
	stop(t, f)
	_, most := g.accepted()
	require.Equal(t, 1, most, "the second stop was clean")
}
