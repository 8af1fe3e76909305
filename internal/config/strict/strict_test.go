package strict_test

import (
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
