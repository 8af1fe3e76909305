package hj212

import "time"

// parseTime reads YYYYMMDDhhmmss, with or without the three digits of
// milliseconds that QN has, as the clock in zone shows it, and returns
// milliseconds since the epoch.
func parseTime(digits []byte, zone *time.Location) (int64, bool) {
	if len(digits) != 14 && len(digits) != 17 {
		return 0, false
	}
	var part [7]int
	for i, at := range [...][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 12}, {12, 14}, {14, len(digits)}} {
		n, ok := decimal(digits[at[0]:at[1]])
		if !ok && at[0] < at[1] {
			return 0, false
		}
		part[i] = n
	}
	year, month, day := part[0], time.Month(part[1]), part[2]
	hour, minute, second := part[3], part[4], part[5]
	if hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	t := time.Date(year, month, day, hour, minute, second, 0, zone)
	if t.Day() != day || t.Month() != month { // the 30th of February
		return 0, false
	}
	return t.UnixMilli() + int64(part[6]), true
}
