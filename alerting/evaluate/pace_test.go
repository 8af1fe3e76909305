package evaluate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOneDearGroupIsNoOverload(t *testing.T) {
	now := time.Now()
	p := newPace(time.Now)
	require.Zero(t, p.lag(now))
	p.due = map[string]time.Time{"dear": now.Add(-time.Minute), "a": now.Add(time.Second), "b": now.Add(time.Second)}
	require.Zero(t, p.lag(now))
	p.due["a"], p.due["b"] = now.Add(-20*time.Second), now.Add(-30*time.Second)
	require.Equal(t, 30*time.Second, p.lag(now))
}

func TestAClockThatIsSetIsNoOverload(t *testing.T) {
	clock := time.Now()
	p := newPace(func() time.Time { return clock })
	p.expect("a", clock.Add(time.Minute))
	clock = clock.Add(time.Hour)
	require.Zero(t, p.lag(time.Now()))
}
