package backtest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Skip is how much of the beginning is not judged, because a model learns in it.
type Skip struct {
	// Rows, or a Share of all rows from 0 to 1.
	Rows  int
	Share float64
}

// ParseSkip reads a number of rows, or a share such as 15%.
func ParseSkip(text string) (Skip, error) {
	if share, ok := strings.CutSuffix(text, "%"); ok {
		v, err := strconv.ParseFloat(share, 64)
		if err != nil || !(v >= 0 && v < 100) {
			return Skip{}, fmt.Errorf("--skip: want a number of rows such as 400, or a share of them such as 15%%; got %q", text)
		}
		return Skip{Share: v / 100}, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return Skip{}, fmt.Errorf("--skip: want a number of rows such as 400, or a share of them such as 15%%; got %q", text)
	}
	return Skip{Rows: n}, nil
}

// of is how many of so many rows are skipped.
func (s Skip) of(rows int) int {
	return max(s.Rows, int(math.Floor(s.Share*float64(rows))))
}
