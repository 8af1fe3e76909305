package evaluate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOneDearGroupIsNoOverload(t *testing.T) {
	now := time.Now()
	p := newPace()
	require.Zero(t, p.lag(now))
	p.due = map[string]time.Time{"dear": now.Add(-time.Minute), "a": now.Add(time.Second), "b": now.Add(time.Second)}
	require.Zero(t, p.lag(now))
	p.due["a"], p.due["b"] = now.Add(-20*time.Second), now.Add(-30*time.Second)
	require.Equal(t, 30*time.Second, p.lag(now))
}
