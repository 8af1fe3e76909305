package filter_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/internal/filter"
)

func TestFiltersFindWhatIsWantedAndNotWhatIsNot(t *testing.T) {
	for _, tc := range []struct {
		values []string
		finds  string
	}{
		{nil, "abc"}, {[]string{"a"}, "a"}, {[]string{"a", "b"}, "ab"}, {[]string{"!a"}, "bc"}, {[]string{"!a", "!b"}, "c"},
		{[]string{"a", "!b"}, "a"}, {[]string{"a", "!a"}, ""}, {[]string{"!"}, "abc"},
	} {
		found := ""
		for _, v := range []string{"a", "b", "c"} {
			if filter.Allows(tc.values, v) {
				found += v
			}
		}
		require.Equal(t, tc.finds, found, tc.values)
	}
	require.False(t, filter.Allows([]string{"!"}, ""), "what has no value can be left out")
}

func TestSplittingSaysTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"", "a", "b", "!a", "!b", "!"})
		values, v := rapid.SliceOfN(word, 0, 5).Draw(t, "values"), word.Draw(t, "value")
		wanted, unwanted := filter.Split(values)
		require.Equal(t, (len(wanted) == 0 || slices.Contains(wanted, v)) && !slices.Contains(unwanted, v), filter.Allows(values, v))
	})
}
