package dashboards_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/dashboards"
	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/grafana"
)

// TestFilesAreNotStale compares what is committed with what the source says now.
func TestFilesAreNotStale(t *testing.T) {
	files, err := dashboards.Generate()
	require.NoError(t, err)
	for name, want := range files {
		got, err := fs.ReadFile(dashboards.FS, name)
		if assert.NoError(t, err, "run make dashboards") {
			assert.Equal(t, string(want), string(got), "%s is stale: run make dashboards", name)
		}
	}
	for _, l := range board.Languages() {
		there, err := fs.Glob(dashboards.FS, path.Join(string(l), "*.json"))
		require.NoError(t, err)
		for _, name := range there {
			assert.Contains(t, files, name, "nothing makes it any more: remove it")
		}
	}
}

// each calls f for each committed dashboard.
func each(t *testing.T, f func(t *testing.T, l board.Language, d grafana.Dashboard)) {
	t.Helper()
	for _, l := range board.Languages() {
		names, err := fs.Glob(dashboards.FS, path.Join(string(l), "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, names)
		for _, name := range names {
			t.Run(name, func(t *testing.T) { f(t, l, load(t, name)) })
		}
	}
}

func load(t *testing.T, name string) grafana.Dashboard {
	t.Helper()
	content, err := fs.ReadFile(dashboards.FS, name)
	require.NoError(t, err)
	var d grafana.Dashboard
	require.NoError(t, json.Unmarshal(content, &d))
	return d
}

func TestUIDsAreUnique(t *testing.T) {
	seen := map[string]string{}
	each(t, func(t *testing.T, _ board.Language, d grafana.Dashboard) {
		assert.Regexp(t, `^[a-z0-9-]{1,40}$`, d.UID)
		assert.NotContains(t, seen, d.UID)
		seen[d.UID] = t.Name()
	})
}

func TestLinksLeadToDashboardsThatThereAre(t *testing.T) {
	uids := map[string]bool{}
	each(t, func(_ *testing.T, _ board.Language, d grafana.Dashboard) { uids[d.UID] = true })
	address := regexp.MustCompile(`"/d/([^"?]+)`)
	each(t, func(t *testing.T, l board.Language, d grafana.Dashboard) {
		content, err := json.Marshal(d)
		require.NoError(t, err)
		for _, m := range address.FindAllStringSubmatch(string(content), -1) {
			assert.Contains(t, uids, m[1])
			assert.Equal(t, l == board.Chinese, strings.HasSuffix(m[1], "-zh"), "%s leads to the other language", m[1])
		}
	})
}

func TestPanelsSayWhatTheyShow(t *testing.T) {
	each(t, func(t *testing.T, _ board.Language, d grafana.Dashboard) {
		assert.NotEmpty(t, d.Title)
		assert.NotEmpty(t, d.Description)
		ids := map[int]bool{}
		for _, p := range d.Panels {
			assert.False(t, ids[p.ID], "two panels have the id %d", p.ID)
			ids[p.ID] = true
			assert.NotEmpty(t, p.Title, "panel %d", p.ID)
			if p.Type == board.RowKind {
				continue
			}
			f := p.FieldConfig.Defaults
			assert.NotEmpty(t, p.Description, p.Title)
			assert.NotEmpty(t, f.Unit, p.Title)
			assert.NotEmpty(t, f.NoValue, p.Title)
			assert.True(t, f.Decimals != nil || p.Type == board.LinesKind, p.Title)
			assert.NotEmpty(t, f.Thresholds.Steps, p.Title)
			assert.NotEmpty(t, p.Targets, p.Title)
			assert.Equal(t, &grafana.Ref{Type: grafana.PluginID, UID: "${ds}"}, p.Datasource, p.Title)
		}
	})
}

func TestPanelsDoNotOverlap(t *testing.T) {
	each(t, func(t *testing.T, _ board.Language, d grafana.Dashboard) {
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			g := p.GridPos
			assert.True(t, g.X >= 0 && g.W > 0 && g.H > 0 && g.X+g.W <= 24, "%s: %+v", p.Title, g)
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					assert.Empty(t, taken[[2]int{x, y}], "%s is over it", p.Title)
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	})
}

// TestColoursAreOfThePalette also keeps out colours by name, such as red.
func TestColoursAreOfThePalette(t *testing.T) {
	palette := []string{board.Critical, board.Warning, board.Info, board.Fine, board.Blue, board.Orange, board.Purple, board.Unknown, board.Clear}
	colour := regexp.MustCompile(`"(?:color|fixedColor)":"([^"]*)"`)
	each(t, func(t *testing.T, _ board.Language, d grafana.Dashboard) {
		content, err := json.Marshal(d)
		require.NoError(t, err)
		found := colour.FindAllStringSubmatch(string(content), -1)
		assert.NotEmpty(t, found)
		for _, m := range found {
			assert.Contains(t, palette, m[1])
		}
		assert.NotContains(t, string(content), "palette-classic")
	})
}

// TestLanguagesHaveTheSameStructure compares everything but words.
func TestLanguagesHaveTheSameStructure(t *testing.T) {
	names, err := fs.Glob(dashboards.FS, "en/*.json")
	require.NoError(t, err)
	for _, name := range names {
		t.Run(path.Base(name), func(t *testing.T) {
			en, zh := load(t, name), load(t, path.Join("zh-CN", path.Base(name)))
			require.NotEqual(t, en.Title, zh.Title)
			assert.Equal(t, shape(t, en), shape(t, zh))
		})
	}
}

// shape is a dashboard without what people read.
func shape(t *testing.T, d grafana.Dashboard) []string {
	t.Helper()
	content, err := json.Marshal(d)
	require.NoError(t, err)
	var v any
	require.NoError(t, json.Unmarshal(content, &v))
	var out []string
	walk("", v, &out)
	slices.Sort(out)
	return out
}

func walk(at string, v any, out *[]string) {
	words := []string{"title", "description", "name", "label", "lang", "noValue", "text", "displayName", "legendFormat", "uid", "tags", "url", "query", "tooltip"}
	switch v := v.(type) {
	case map[string]any:
		// Which of the two names of a field is shown depends on the language.
		if v["id"] == "custom.hideFrom" || v["id"] == "custom.hideFrom.viz" || v["id"] == "displayName" {
			return
		}
		for k, e := range v {
			if _, text := e.(string); text && slices.Contains(words, k) {
				e = "…"
			}
			if k == "tags" {
				continue
			}
			walk(at+"/"+k, e, out)
		}
	case []any:
		for _, e := range v {
			if _, text := e.(string); text && strings.HasSuffix(at, "/text") {
				e = "…"
			}
			walk(at+"/-", e, out)
		}
	default:
		*out = append(*out, fmt.Sprintf("%s=%v", at, v))
	}
}

// TestWordsAreInTheirLanguage finds what was not translated, or in the wrong one.
func TestWordsAreInTheirLanguage(t *testing.T) {
	han := regexp.MustCompile(`\p{Han}`)
	each(t, func(t *testing.T, l board.Language, d grafana.Dashboard) {
		for _, p := range d.Panels {
			for _, words := range []string{d.Title, d.Description, p.Title, p.Description} {
				if words != "" {
					assert.Equal(t, l == board.Chinese, han.MatchString(words), words)
				}
			}
			if p.FieldConfig != nil {
				assert.Equal(t, l == board.Chinese, han.MatchString(p.FieldConfig.Defaults.NoValue), p.FieldConfig.Defaults.NoValue)
			}
		}
	})
}
