package remotewrite_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/remotewrite"
	"github.com/belfry-city/belfry/collector/reading"
)

// TestASeriesIsNamedAlthoughItsLabelsCannotBeRead is for those who have to find
// the sender.
func TestASeriesIsNamedAlthoughItsLabelsCannotBeRead(t *testing.T) {
	name, other := "\x0a\x0d\x0a\x08__name__\x12\x01m", "\x0a\x06\x0a\x01a\x12\x01b"
	long := string(marshal(requestV1([]sent{{labels: pairs("__name__", "long", "a", strings.Repeat("x", 70_000))}})))
	for _, c := range []struct {
		story string
		v     remotewrite.Version
		bad   string
		want  string
	}{
		{"whole", 1, name + other + "\x10\x01", `m{a="b"}`},
		{"a label cut off behind it", 1, other + name + "\x0a\x50\x0a\x01c", "m{…}"},
		{"a label cut off before it", 1, "\x0a\x50\x0a\x01c" + name, ""},
		{"too long", 1, long[4:], "long{…}"},
		{"a reference to nowhere behind it", 2, "\x0a\x04\x02\x03\x01\x63", "up{…}"},
		{"a reference to nowhere before it", 2, "\x0a\x04\x63\x01\x02\x03", "up{…}"},
		{"an odd reference", 2, "\x0a\x03\x02\x03\x01", "up{…}"},
		{"no reference that leads anywhere", 2, "\x0a\x02\x63\x63", ""},
	} {
		t.Run(c.story, func(t *testing.T) {
			var p remotewrite.Parser
			require.NoError(t, p.Begin(between(c.v, []byte(c.bad)), c.v, remotewrite.Options{MaxSeries: 64 << 10}))
			var b reading.Batch
			require.False(t, p.Some(&b, 1000))
			require.Len(t, b.Refusals, 1)
			require.Equal(t, c.want, p.Describe(b.Refusals[0].Line))
		})
	}
}
