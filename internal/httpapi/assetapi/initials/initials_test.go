package initials_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/httpapi/assetapi/initials"
)

func TestNamesAreFoundByTheirInitials(t *testing.T) {
	r := initials.NewReader()
	for _, tc := range []struct {
		name, typed string
		want        bool
	}{
		{"解放碑17号井", "jfb17hj", true},
		{"解放碑17号井", "JFB", true},
		{"解放碑17号井", "17hj", true},
		{"解放碑17号井", "jfb 17", true},
		{"解放碑17号井", "jfbj", false},
		{"解放碑17号井", "jfb17hjx", false},
		{"重庆路（东）", "cqld", true},
		{"重庆路（东）", "zqld", true},
		{"朝天门Dock 3", "ctmdock3", true},
		{"", "a", false},
	} {
		q, ok := initials.NewQuery(tc.typed)
		require.True(t, ok)
		require.Equal(t, tc.want, q.In(r.Read(tc.name)), "%s in %s", tc.typed, tc.name)
	}
	for _, typed := range []string{"", " ", "解放", "a-b", "é"} {
		_, ok := initials.NewQuery(typed)
		require.False(t, ok, typed)
	}
}

func FuzzInitials(f *testing.F) {
	f.Add("解放碑17号井", "jfb")
	f.Add("\xff\u202e😀", "a")
	f.Fuzz(func(t *testing.T, name, typed string) {
		n := initials.NewReader().Read(name)
		q, ok := initials.NewQuery(typed)
		require.Equal(t, ok, len(q) > 0)
		if ok && q.In(n) {
			require.LessOrEqual(t, len(q), len(n))
		}
	})
}
