package ruletest

import "github.com/pmezard/go-difflib/difflib"

// diff marks what stands only in want by -, what stands only in got by +.
func diff(want, got []string) (lines []string) {
	for _, op := range difflib.NewMatcherWithJunk(want, got, false, nil).GetOpCodes() {
		if op.Tag == 'e' {
			for _, line := range want[op.I1:op.I2] {
				lines = append(lines, "  "+line)
			}
			continue
		}
		for _, line := range want[op.I1:op.I2] {
			lines = append(lines, "- "+line)
		}
		for _, line := range got[op.J1:op.J2] {
			lines = append(lines, "+ "+line)
		}
	}
	return lines
}
