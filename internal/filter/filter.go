package filter

import "strings"

// Not begins a value that is not wanted.
const Not = "!"

// Split tells values that are wanted from those that are not, which come without
// Not. Where none are wanted, all are that are not among the others.
func Split(values []string) (wanted, unwanted []string) {
	for _, v := range values {
		if not, is := strings.CutPrefix(v, Not); is {
			unwanted = append(unwanted, not)
		} else {
			wanted = append(wanted, v)
		}
	}
	return wanted, unwanted
}

// Allows says whether a filter finds a value. No values find any.
func Allows(values []string, value string) bool {
	wanted, found := false, false
	for _, v := range values {
		if not, is := strings.CutPrefix(v, Not); is {
			if not == value {
				return false
			}
			continue
		}
		wanted, found = true, found || v == value
	}
	return found || !wanted
}
