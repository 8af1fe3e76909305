package strict_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config/strict"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1024": 1024, "10GB": 10_000_000_000, "512MiB": 512 << 20, "1 KiB": 1024,
		"1kB": 1000, "1KB": 1000, "2TiB": 2 << 40, "7B": 7, "0.5MiB": 512 << 10,
	} {
		got, refused := strict.Size(0, "1GB")(text)
		require.Empty(t, refused, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "GB", "10G", "-1", "1PB", "1e30", "NaN", "Inf", "10gb", "1MB1", "10 0MB"} {
		_, refused := strict.Size(0, "1GB")(text)
		require.Contains(t, refused, "a size such as 1GB", text)
	}
}

func TestWholeNumbers(t *testing.T) {
	read := strict.Whole("a whole number of series", 1, 1000)
	for text, want := range map[string]int64{"1": 1, "1000000": 1_000_000, "5e6": 5_000_000, "9007199254740993": 9007199254740993} {
		got, refused := read(text)
		require.Empty(t, refused, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0", "-1", "1.5", "1e-3", "1e300", "NaN", "many", "1.0"} {
		_, refused := read(text)
		require.Contains(t, refused, "a whole number of series, such as 1000", text)
	}
}

func TestNearest(t *testing.T) {
	words := []string{"listen", "limits", "data_dir", "warn"}
	for text, want := range map[string]string{
		"lisen": "listen", "limit": "limits", "data-dir": "data_dir", "dta_dir": "data_dir", "lsiten": "listen",
		"warning": "warn", "": "", "x": "", "completely": "",
	} {
		require.Equal(t, want, strict.Nearest(text, words), text)
	}
}

func TestAMistakeInTheSyntaxIsFoundOnItsLine(t *testing.T) {
	for text, want := range map[string]int{
		"a: 1\nb: [1, 2\nc: 3\nd: 4\n":                                2, // the bracket that nothing closes
		"a: 1\nb: {c: 1\nd: 2\n":                                      2,
		"a: {b: 1\nc: 2}\n":                                           2, // a comma is missing
		"a: 1\nb: \"x\nc: 3\nd: 4\n":                                  2, // where the quotes begin
		"a: 1\nb: x: y\nc: 3\n":                                       2,
		"a: 1\nb:\n  c: 1\n d: 2\ne: 3\n":                             4,
		"a:\n  - x: 1\n    y: 2\n   z: 3\n  - x: 2\n":                 4,
		"g:\n- n: g\n  r:\n  - a: A\n    l:\n      b: 1\n     c: 2\n": 7,
		"a: 1\nb:\n  c: 1\n\td: {}\n":                                 4,
		"a: 1\nb\nc: 2\n":                                             2,
		"a: 1\n- b\n":                                                 2,
		"a: 1\nb: *nope\nc: 1\n":                                      2,
		"a: 'it's'\nb: 1\n":                                           1,
		"a: 1\nb: @x\nc: 1\n":                                         2,
		"{":                                                           1,
		"a: [\n":                                                      1,
	} {
		file := strict.NewFile("a.yml")
		_, ok := file.Part([]byte(text), 10)
		require.False(t, ok, text)
		require.Len(t, file.Problems(), 1, text)
		require.Equal(t, 10+want, file.Problems()[0].Line, text)
		require.Contains(t, file.Problems()[0].Text, "want YAML; got a mistake in its syntax: ", text)
	}
}

func TestInALongFileTheSyntaxIsWrongSomewhere(t *testing.T) {
	file := strict.NewFile("a.yml")
	_, ok := file.YAML([]byte("a:\n  b:\n    c: 1\n" + strings.Repeat("    # comment\n", 1<<17) + "   d: 1\n"))
	require.False(t, ok)
	require.Contains(t, file.Err().Error(), "want YAML; got a mistake in its syntax, here or further down: did not find expected key")
}

func FuzzSyntax(f *testing.F) {
	f.Add([]byte("a:\n  b: 1\n c: 2\n"))
	f.Add([]byte("a: [\n"))
	f.Add([]byte("a: 1\n---\nb: [\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := strict.NewFile("a.yml")
		if _, ok := file.YAML(data); ok {
			return
		}
		require.Len(t, file.Problems(), 1)
		require.Positive(t, file.Problems()[0].Line)
		require.LessOrEqual(t, file.Problems()[0].Line, len(data)+1)
	})
}

func TestKeysAreMergedFromOtherMappings(t *testing.T) {
	type limits struct{ low, high, label string }
	read := func(text string) (got []limits, problems []string) {
		file := strict.NewFile("a.yml")
		root, ok := file.YAML([]byte(text))
		require.True(t, ok)
		strict.List(root, "a list", func(v strict.Value) {
			var l limits
			text := func(into func(*limits) *string) func(strict.Value, *limits) {
				return func(v strict.Value, l *limits) { strict.Set(v, into(l), strict.Free) }
			}
			strict.Mapping(v, &l, strict.Keys[limits]{
				"low":  text(func(l *limits) *string { return &l.low }),
				"high": text(func(l *limits) *string { return &l.high }),
				"label": func(v strict.Value, l *limits) {
					strict.Pairs(v, "labels", func(key string, v strict.Value) { l.label += key })
				},
			})
			got = append(got, l)
		})
		for _, p := range file.Problems() {
			problems = append(problems, p.String())
		}
		return got, problems
	}

	got, problems := read("- &a {low: 1, high: 2}\n- &b {<<: *a, high: 3}\n- {high: 4, <<: [{label: {x: 1}}, *b]}\n- {label: {<<: {y: 1}, z: 1}}\n")
	require.Empty(t, problems)
	require.Equal(t, []limits{{"1", "2", ""}, {"1", "3", ""}, {"1", "4", "x"}, {"", "", "zy"}}, got)

	// Into itself, and again and again.
	got, problems = read("- &a {<<: [*a, *a], low: 1}\n- &b {<<: [*a, *a, *a]}\n- {<<: [*b, *b, *a]}\n")
	require.Empty(t, problems)
	require.Equal(t, []limits{{low: "1"}, {low: "1"}, {low: "1"}}, got)

	_, problems = read("- {<<: 1}\n- {<<: [{low: 1}, x], low: 2, low: 3}\n- {<<: {lwo: 1}, \"<<\": 1}\n")
	require.Equal(t, []string{
		`a.yml:1: [0].<<: want a mapping, or a list of mappings, to take keys from; got "1"`,
		`a.yml:2: [1].<<: want a mapping, or a list of mappings, to take keys from; got a list`,
		`a.yml:2: [1].low: want each key once; got it again`,
		`a.yml:3: [2].<<: unknown key; known here: high, label, low`,
		`a.yml:3: [2].lwo: unknown key; did you mean "low"?`,
	}, problems)
}

func TestManyProblemsAreCutInTheTextOnly(t *testing.T) {
	many := make(strict.Problems, 1000)
	require.Contains(t, many.Error(), "and 900 more problems")
	require.Equal(t, "a.yml:1: one\na.yml: two", strict.Problems{{File: "a.yml", Line: 1, Text: "one"}, {File: "a.yml", Text: "two"}}.Error())
}

func TestQuoteCutsBetweenCharacters(t *testing.T) {
	long := ""
	for range 100 {
		long += "井"
	}
	require.Equal(t, `"`+long[:78]+`..."`, strict.Quote(long))
}
