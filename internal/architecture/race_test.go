package architecture

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

var testName = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// neverRun names the tests that make test would leave out: it runs all tests
// with the race detector, and without it only those with Alloc in their names.
func neverRun(root fs.FS) (names []string, err error) {
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil || !strings.HasPrefix(string(text), "//go:build !race") {
			return err
		}
		for _, match := range testName.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(match[1], "Alloc") {
				names = append(names, fmt.Sprintf("%s: %s", name, match[1]))
			}
		}
		return nil
	})
	return names, err
}

func TestEveryTestIsRun(t *testing.T) {
	names, err := neverRun(os.DirFS(root))
	require.NoError(t, err)
	require.Empty(t, names, "make test runs none of these; put Alloc into their names")
}

func TestATestWithoutTheRaceDetectorIsFound(t *testing.T) {
	names, err := neverRun(fstest.MapFS{
		"a/a_test.go":  {Data: []byte("package a\n\nfunc TestOne(t *testing.T) {}\n")},
		"a/b_test.go":  {Data: []byte("//go:build !race\n\npackage a\n\nfunc TestTwo(t *testing.T) {}\n\nfunc TestNoAllocation(t *testing.T) {}\n")},
		".x/c_test.go": {Data: []byte("//go:build !race\n\npackage x\n\nfunc TestThree(t *testing.T) {}\n")},
	})
	require.NoError(t, err)
	require.Equal(t, []string{"a/b_test.go: TestTwo"}, names)
}
