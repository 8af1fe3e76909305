package strict

import (
	"strings"
	"unicode/utf8"
)

// Nearest returns the word that differs least from text, or "" when none is
// close enough to have been meant.
func Nearest(text string, words []string) string {
	const longest = 64
	if text == "" || len(text) > longest {
		return ""
	}
	best, least := "", max(1, utf8.RuneCountInString(text)/3)+1
	for _, w := range words {
		if strings.HasPrefix(text, w) && len(w) > 2 {
			return w
		}
		if d := distance([]rune(text), []rune(w)); d < least {
			best, least = w, d
		}
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours between a and b (optimal string alignment).
func distance(a, b []rune) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
