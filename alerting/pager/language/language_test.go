package language

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnnotations(t *testing.T) {
	for story, test := range map[string]struct{ alert, want map[string]string }{
		"both": {
			map[string]string{"summary": "Methane", "summary_zh": "甲烷", "description": "Go", "description_zh": "去"},
			map[string]string{"summary": "甲烷", "summary_en": "Methane", "description": "去", "description_en": "Go"},
		},
		"English only": {map[string]string{"summary": "Methane"}, map[string]string{}},
		"Chinese only": {map[string]string{"summary_zh": "甲烷"}, map[string]string{"summary": "甲烷"}},
		"nothing":      {nil, map[string]string{}},
	} {
		note := func(name string) string { return test.alert[name] }
		require.Equal(t, test.want, Annotations(Chinese, note), story)
		require.Empty(t, Annotations(English, note), story)
		english := EnglishOf("summary", note)
		changed := maps.Clone(test.alert)
		maps.Copy(changed, test.want)
		again := func(name string) string { return changed[name] }
		require.Empty(t, Annotations(Chinese, again), story)
		if english != "" {
			require.Equal(t, english, EnglishOf("summary", again), story)
		}
	}
}
