package catalog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// pieces is what readChunks does, with pieces as small as can be.
func pieces(text string) (entries []entry, ok bool) {
	head, chunks := cut([]byte(text), 1)
	if _, ok := strict.NewFile("c.yml").YAML(head); !ok {
		return nil, false
	}
	for _, c := range chunks {
		file := strict.NewFile("c.yml")
		if root, ok := file.Part(c.data, c.before); ok {
			entries = append(entries, readList(root)...)
		}
		if file.Count() > 0 {
			return nil, false
		}
	}
	return entries, len(chunks) > 0
}

func whole(text string) ([]entry, bool) {
	file := strict.NewFile("c.yml")
	root, ok := file.YAML([]byte(text))
	if !ok {
		return nil, false
	}
	var entries []entry
	strict.Mapping(root, &entries, strict.Keys[[]entry]{
		assetsKey: func(v strict.Value, all *[]entry) { *all = readList(v) },
	})
	return entries, file.Count() == 0
}

var chunkSeeds = []string{
	"assets:\n- id: a\n- id: b\n  name: x\n\n# c\n- id: c\n",
	"assets: # all\r\n  - id: a\r\n    name: |\r\n      - id: no\r\n  - id: b\r\n",
	"assets:\n  - id: a\n    name: \"\n  - id: b\"\n",
	"assets:\n  - id: a\n    name: 'x\n  - id: b\n    '\n  - id: c\n",
	"assets:\n  - id: a\n    external: {x: 1,\n  - y: 2}\n",
	"assets:\n  - &x\n    id: a\n  - *x\n",
	"assets:\n  - id: a\n    name: &n x\n  - id: b\n    name: *n\n",
	"assets:\n  - id: a\n    thresholds:\n    - {metric: m, direction: above, level: warning, value: 1}\n  - id: b\n",
	"assets:\n  - id: a\n    name: plain\n      text\n  - id: b\n...\n",
	"%YAML 1.1\n---\nassets:\n- id: a\n",
	"assets:\n- id: a\nmore: 1\n",
	"assets:\n- - id: a\n- id: b\n",
}

func FuzzPiecesMeanTheSameAsTheWhole(f *testing.F) {
	for _, s := range chunkSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		inPieces, ok := pieces(text)
		if !ok {
			return // the ordinary way is taken
		}
		want, ok := whole(text)
		require.True(t, ok, "pieces accept what the whole does not")
		require.Equal(t, len(want), len(inPieces))
		for i := range want {
			normalise(t, &want[i], &inPieces[i])
			require.Equal(t, want[i], inPieces[i])
		}
	})
}

// normalise makes entries comparable, whose positions may be NaN.
func normalise(t *testing.T, entries ...*entry) {
	t.Helper()
	for _, e := range entries {
		if !e.Located() {
			e.Lat, e.Lon = 0, 0
		}
	}
}

func TestTheUsualFormIsCut(t *testing.T) {
	_, chunks := cut([]byte(chunkSeeds[0]), 1)
	require.Len(t, chunks, 3)
	require.Equal(t, 1, chunks[0].before)
	require.True(t, strings.HasPrefix(string(chunks[2].data), "- id: c"))
	require.Equal(t, 6, chunks[2].before)
	for _, text := range []string{"", "assets: []\n", "assets:\nx: 1\n", "a: 1\nassets:\n- id: a\n", "assets:\n- id: a\nb: 1\n"} {
		_, chunks := cut([]byte(text), 1)
		require.Empty(t, chunks, text)
	}
}
