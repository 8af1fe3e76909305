package table

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// numbers reads the numbers of a file. Its decimal mark is '.' or ','.
type numbers struct {
	decimal byte
	missing []string
	gone    []float64 // what of missing is a number
}

func newNumbers(decimal byte, missing []string) numbers {
	n := numbers{decimal: decimal}
	for _, m := range missing {
		m = strings.TrimSpace(m)
		n.missing = append(n.missing, m)
		if v, err := strconv.ParseFloat(strings.Replace(m, ",", ".", 1), 64); err == nil && !math.IsNaN(v) {
			n.gone = append(n.gone, v)
		}
	}
	return n
}

// parse reads a number; what stands for none is NaN, and so is an infinite one.
func (n *numbers) parse(text string) (v float64, ok bool) {
	text = strings.TrimSpace(text)
	if n.stand(text) {
		return math.NaN(), true
	}
	v, ok = n.number(text)
	if ok && (math.IsInf(v, 0) || slices.Contains(n.gone, v)) {
		v = math.NaN()
	}
	return v, ok
}

// stand tells whether a text stands for a value that is missing.
func (n *numbers) stand(text string) bool {
	if text == "" || slices.Contains(n.missing, text) {
		return true
	}
	const longest = len("#value!")
	if len(text) > longest {
		return false
	}
	switch strings.ToLower(text) {
	case "nan", "na", "n/a", "#n/a", "null", "nil", "none", "-", "--", "?", "<na>", "#value!":
		return true
	}
	return false
}

func (n *numbers) number(text string) (float64, bool) {
	text = strings.Replace(text, "−", "-", 1) // as typesetters write it
	if strings.ContainsAny(text, "_xXpP") {   // Go's own notations, which are none of people
		return 0, false
	}
	if strings.IndexByte(text, ',') >= 0 || n.decimal == ',' {
		group := byte(',')
		if n.decimal == ',' {
			group = '.'
		}
		if !grouped(text, group, n.decimal) {
			if n.decimal != ',' || strings.IndexByte(text, ',') >= 0 {
				return 0, false
			}
			group = ' ' // 0.5 among 0,25
		}
		text = strings.ReplaceAll(text, string(group), "")
		text = strings.Replace(text, ",", ".", 1)
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil || math.IsInf(v, 0)
}

// grouped tells whether a number's marks stand where they should: those of thousands before three digits each, the
// decimal one, if any, last.
func grouped(text string, group, decimal byte) bool {
	whole, rest, _ := strings.Cut(text, string(decimal))
	if strings.IndexByte(rest, group) >= 0 || strings.IndexByte(rest, decimal) >= 0 {
		return false
	}
	parts := strings.Split(strings.TrimLeft(whole, "+-"), string(group))
	for i, p := range parts {
		if i > 0 && len(p) != 3 || i == 0 && len(parts) > 1 && (p == "" || len(p) > 3) {
			return false
		}
	}
	return true
}

// decimalMark finds out what the texts of a column have before their decimals; doubtful is a text that may be read in another way
// too, if there is nothing better to go by.
func decimalMark(texts []string, delimiter rune) (mark byte, doubtful string) {
	for _, t := range texts {
		comma, point := strings.LastIndexByte(t, ','), strings.LastIndexByte(t, '.')
		switch {
		case comma >= 0 && point > comma:
			return '.', ""
		case comma >= 0 && point >= 0:
			return ',', ""
		case comma >= 0 && strings.Count(t, ",") == 1 && len(t)-comma-1 != 3:
			return ',', ""
		}
	}
	for _, t := range texts { // 1,234 alone may be either; where commas part no columns, it is Europe's
		switch {
		case strings.Count(t, ",") != 1:
		case delimiter != ',':
			return ',', t
		default:
			return '.', t
		}
	}
	return '.', ""
}

// label reads what marks a row as anomalous.
func label(text string) (is, ok bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "0", "0.0", "false", "f", "no", "n", "normal", "ok", "none", "nan", "na", "正常":
		return false, true
	case "1", "1.0", "true", "t", "yes", "y", "anomaly", "anomalous", "abnormal", "attack", "fault", "异常":
		return true, true
	}
	v, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(text), ",", ".", 1), 64) // 1.00, 1,0
	return v == 1, err == nil && (v == 0 || v == 1)
}
