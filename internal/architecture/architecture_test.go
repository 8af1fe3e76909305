package architecture

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// complaints compares the packages with the table and says what is wrong, in a
// fixed order.
func complaints(rooms []room, packages map[string]*source) []string {
	var wrong []string
	for _, pkg := range slices.Sorted(maps.Keys(packages)) {
		s := packages[pkg]
		from, known := roomOf(rooms, pkg)
		if !known {
			wrong = append(wrong, pkg+": belongs to no room of ARCHITECTURE.md")
			continue
		}
		if !s.doc {
			wrong = append(wrong, pkg+": says its one job nowhere; write a package comment in doc.go")
		}
		for i, imported := range s.imports {
			if to, known := roomOf(rooms, imported); !known || !mayImport(rooms, from, to) {
				wrong = append(wrong, fmt.Sprintf("%s: %s may not import %s", s.where[i], pkg, imported))
			}
		}
	}
	for _, r := range rooms {
		empty := true
		for pkg := range packages {
			if owner, _ := roomOf(rooms, pkg); owner.path == r.path {
				empty = false
			}
		}
		if empty {
			wrong = append(wrong, r.path+": ARCHITECTURE.md describes a room that does not exist")
		}
	}
	return wrong
}

func TestTheSourceFollowsTheTable(t *testing.T) {
	document, err := os.ReadFile(root + "/ARCHITECTURE.md")
	require.NoError(t, err)
	rooms, err := parseTable(string(document))
	require.NoError(t, err)
	packages, err := readSource(os.DirFS(root))
	require.NoError(t, err)
	require.NotEmpty(t, packages)

	for _, complaint := range complaints(rooms, packages) {
		t.Error(complaint)
	}
}

const smallTable = "Prose.\n\n" +
	"| room | what lives there | may import |\n" +
	"| --- | --- | --- |\n" +
	"| `words` (everyone may) | the vocabulary | nothing |\n" +
	"| `store` | what is kept | `words` |\n" +
	"| `read` | answers | `store` |\n" +
	"| `ring` | pages | nothing else |\n" +
	"| `alone` | for itself | nothing of ours |\n" +
	"| `app` | builds it | every room above |\n"

func TestComplaints(t *testing.T) {
	const imports = "package p\n\nimport _ \"" + module + "/"
	for _, test := range []struct {
		story string
		files map[string]string
		want  []string
	}{
		{"arrows to the left, and tests that look anywhere", map[string]string{
			"store/a.go":      imports + "words\"\n",
			"read/a.go":       imports + "store/inner\"\n",
			"words/a_test.go": imports + "app\"\n",
			"app/a.go":        imports + "ring\"\n",
		}, nil},
		{"a neighbour that the row does not name", map[string]string{
			"ring/a.go": imports + "store\"\n",
		}, []string{"ring/a.go:3:8: ring may not import store"}},
		{"a room that wants to know nobody", map[string]string{
			"alone/a.go": imports + "words\"\n",
		}, []string{"alone/a.go:3:8: alone may not import words"}},
		{"an arrow to the right, from a room that everyone may import", map[string]string{
			"words/a.go": imports + "store\"\n",
		}, []string{"words/a.go:3:8: words may not import store"}},
		{"a package inside a room has the room's arrows", map[string]string{
			"store/inner/b.go": imports + "app\"\n",
		}, []string{"store/inner/b.go:3:8: store/inner may not import app"}},
		{"a package that no row covers", map[string]string{
			"attic/doc.go": "// Package attic is not in the table.\npackage attic\n",
		}, []string{"attic: belongs to no room of ARCHITECTURE.md"}},
		{"a package without a comment", map[string]string{
			"ring/doc.go": "package ring\n",
			"app/doc.go":  "package app\n",
			"app/b.go":    "// Package app has its comment elsewhere.\npackage app\n",
		}, []string{"app: says its one job nowhere; write a package comment in doc.go", "ring: says its one job nowhere; write a package comment in doc.go"}},
	} {
		t.Run(test.story, func(t *testing.T) {
			module := fstest.MapFS{}
			for _, name := range []string{"words", "store", "store/inner", "read", "ring", "alone", "app"} {
				module[name+"/doc.go"] = &fstest.MapFile{Data: []byte("// Package p has a job.\npackage p\n")}
			}
			for name, text := range test.files {
				module[name] = &fstest.MapFile{Data: []byte(text)}
			}
			rooms, err := parseTable(smallTable)
			require.NoError(t, err)
			packages, err := readSource(module)
			require.NoError(t, err)
			require.Equal(t, test.want, complaints(rooms, packages))
		})
	}
}

func TestARoomThatIsNotThere(t *testing.T) {
	rooms, err := parseTable(smallTable)
	require.NoError(t, err)
	wrong := complaints(rooms, map[string]*source{})
	require.Contains(t, wrong, "ring: ARCHITECTURE.md describes a room that does not exist")
}

func TestTablesThatAreRefused(t *testing.T) {
	const header = "| room | what lives there | may import |\n| --- | --- | --- |\n"
	for row, want := range map[string]string{
		"": "no table",
		header + "| `a` | x | `b` |\n| `b` | x | nothing |\n": "a: may import b, which is no room above it",
		header + "| `a` | x | |\n":                            "say what a may import",
		header + "| a | x | nothing |\n":                      "want a path in backquotes",
		header + "| `a` | nothing |\n":                        "want three columns",
	} {
		_, err := parseTable(row)
		require.ErrorContains(t, err, want)
	}
}
