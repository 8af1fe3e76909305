package strict_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// raw returns the value under key a of a file.
func raw(t *testing.T, text string) (strict.Raw, error) {
	t.Helper()
	file := strict.NewFile("f.yml")
	root, ok := file.YAML([]byte(text))
	require.True(t, ok)
	var r strict.Raw
	strict.Mapping(root, &r, strict.Keys[strict.Raw]{"a": func(v strict.Value, into *strict.Raw) { *into = v.Raw() }, "base": func(strict.Value, *strict.Raw) {}})
	return r, file.Err()
}

// library is a parser that is not ours: some of its errors have lines.
func library(text []byte) error {
	var v struct {
		Name  string
		Times []int
		Inner map[string]string
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	dec.KnownFields(true)
	if err := dec.Decode(&v); err != nil {
		return err
	}
	for _, n := range v.Times {
		if n < 0 {
			return errors.New("a time is negative")
		}
	}
	for _, text := range v.Inner {
		if text == "" {
			return errors.New("an inner text is empty")
		}
	}
	if v.Name == "" {
		return errors.New("there is no name")
	}
	return nil
}

func TestProblemsOfAnotherParserComeHomeToTheirLines(t *testing.T) {
	for text, want := range map[string]string{
		"a: {name: x}":                                          "",
		"a:\n  name: x\n  times: [1, 2]":                        "",
		"# comment\na:\n  name: [x]":                            "f.yml:3: a.name: cannot unmarshal !!seq into string (a list)",
		"a:\n\n  # comment\n  name: x\n  color: red":            "f.yml:5: a.color: field color not found",
		"a: {name: x, times: [1,\n 2,\n -3]}":                   "f.yml:3: a.times[2]: a time is negative (\"-3\")",
		"a:\n  name: x\n  inner:\n    b: c\n    d: \"\"":        "f.yml:5: a.inner.d: an inner text is empty (\"\")",
		"a:\n  times: []":                                       "f.yml:2: a: there is no name (a mapping)",
		"base: &b\n  inner: {c: \"\"}\na:\n  <<: *b\n  name: x": "f.yml:2: a.<<.inner.c: an inner text is empty",
		"a:\n  name: \"12\"\n  times:\n    - 1\n    - many\n":   "f.yml:5: a.times[1]: cannot unmarshal !!str `many` into int",
		"a:\n  - list":                                          "f.yml:2: a: cannot unmarshal !!seq into struct",
	} {
		r, err := raw(t, text)
		require.NoError(t, err)
		require.Equal(t, "a", r.Key())
		problems := r.Parse(library, func(said, got string) string { return fmt.Sprintf("%s (%s)", said, got) })
		if want == "" {
			require.Empty(t, problems, text)
			continue
		}
		require.NotEmpty(t, problems, text)
		require.True(t, strings.HasPrefix(problems[0].String(), want), "%s\nwant %s\n got %s", text, want, problems[0])
	}
}

func TestAliasesDoNotMakeARawValueGrowWithoutEnd(t *testing.T) {
	text := "base:\n  - &b0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		text += fmt.Sprintf("  - &b%d [%s]\n", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*b%d,", i), 10), ","))
	}
	_, err := raw(t, text+"a: *b9\n")
	require.ErrorContains(t, err, "a: want a value of reasonable size")
}
