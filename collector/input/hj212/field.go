package hj212

import (
	"bytes"
	"strings"
)

// field is one `code-Suffix=value` of a data area (HJ 212-2017, table 4).
type field struct {
	code, suffix, value []byte
	kind                kind
	// converted says that the suffix began with Zs: the value is converted to
	// the reference conditions of the emission standard.
	converted bool
}

// kind is what a suffix says about a value.
type kind uint8

const (
	other kind = iota // a suffix that is not in the standard
	bare              // no suffix, as in DataTime
	realTime
	average
	least
	greatest
	cumulated
	levelData  // of noise, over the period
	levelDay   // of noise, in the daytime
	levelNight // of noise, at night
	flagged
	ownFlag
	sampleTime
	information
	serial
	state   // of a facility
	running // hours of a facility
	kinds   // how many there are
)

// kindOf is case-insensitive, as devices are.
func kindOf(suffix []byte) (k kind, converted bool) {
	if len(suffix) > 2 && (suffix[0] == 'Z' || suffix[0] == 'z') && (suffix[1] == 's' || suffix[1] == 'S') {
		suffix, converted = suffix[2:], true
	}
	if len(suffix) > len("SampleTime") {
		return other, converted
	}
	var lower [len("SampleTime")]byte
	for i, c := range suffix {
		lower[i] = lowered(c)
	}
	switch string(lower[:len(suffix)]) {
	case "rtd":
		return realTime, converted
	case "avg":
		return average, converted
	case "min":
		return least, converted
	case "max":
		return greatest, converted
	case "cou":
		return cumulated, converted
	case "data":
		return levelData, converted
	case "daydata":
		return levelDay, converted
	case "nightdata":
		return levelNight, converted
	case "flag":
		return flagged, converted
	case "eflag":
		return ownFlag, converted
	case "sampletime":
		return sampleTime, converted
	case "info":
		return information, converted
	case "sn":
		return serial, converted
	case "rs":
		return state, converted
	case "rt":
		return running, converted
	}
	return other, converted
}

func lowered(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// nextField takes the first field off a data area. Devices differ in whether a
// comma or a semicolon stands between two fields. Text between // and //, as in
// a log entry, may hold both.
func nextField(area []byte) (item, rest []byte) {
	if at := bytes.IndexAny(area, ";,="); at >= 0 && area[at] == '=' && bytes.HasPrefix(area[at+1:], []byte("//")) {
		if end := bytes.Index(area[at+3:], []byte("//")); end >= 0 {
			end += at + 3 + len("//")
			item = area[:end]
			rest = area[end:]
			if len(rest) > 0 && (rest[0] == ';' || rest[0] == ',') {
				rest = rest[1:]
			}
			return item, rest
		}
	}
	if at := bytes.IndexAny(area, ";,"); at >= 0 {
		return area[:at], area[at+1:]
	}
	return area, nil
}

// parseField returns false where there is no `=`.
func parseField(item []byte) (f field, ok bool) {
	key, value, ok := bytes.Cut(item, []byte("="))
	if !ok {
		return f, false
	}
	key, f.value = bytes.TrimSpace(key), bytes.TrimSpace(value)
	f.code, f.suffix, ok = bytes.Cut(key, []byte("-"))
	f.code, f.suffix = bytes.TrimSpace(f.code), bytes.TrimSpace(f.suffix)
	if !ok {
		f.kind = bare
		return f, len(f.code) > 0
	}
	f.kind, f.converted = kindOf(f.suffix)
	return f, len(f.code) > 0 && len(f.suffix) > 0
}

// parseArea appends the fields of a data area, and returns the items that are
// none.
func parseArea(area []byte, fields []field) (_ []field, wrong [][]byte) {
	for len(area) > 0 {
		var item []byte
		item, area = nextField(area)
		if len(bytes.TrimSpace(item)) == 0 {
			continue
		}
		if f, ok := parseField(item); ok {
			fields = append(fields, f)
		} else {
			wrong = append(wrong, item)
		}
	}
	return fields, wrong
}

// snake is an unknown suffix or bare word as part of a name: VaseNo is vase_no.
func snake(to, word []byte) []byte {
	before := byte('_')
	for _, c := range word {
		upper := c >= 'A' && c <= 'Z'
		switch {
		case upper && (before >= 'a' && before <= 'z' || before >= '0' && before <= '9'):
			to = append(to, '_', lowered(c))
		case upper || c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			to = append(to, lowered(c))
		case before != '_':
			to = append(to, '_')
			c = '_'
		}
		before = c
	}
	return to
}

// plain says whether a code can stand in a name as it is, but for case.
func plain(code []byte) bool {
	return len(code) > 0 && len(code) <= longestWord && strings.Trim(view(code), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_") == ""
}
