package hj212

import "bytes"

// joinParts puts text behind tail, with a separator if it begins with a field
// and not within one.
func joinParts(tail, text []byte) []byte {
	joined := bytes.Clone(tail)
	last := joined
	if at := bytes.LastIndexAny(joined, ";,"); at >= 0 {
		last = joined[at+1:]
	}
	first, _ := nextField(text)
	if bytes.IndexByte(last, '=') >= 0 && bytes.IndexByte(first, '=') >= 0 {
		joined = append(joined, ';')
	}
	return append(joined, text...)
}

// safeCut returns where the last thing begins that may go on in the next part:
// the values of a pollutant, unless its flag or a semicolon is there too, which
// say that they are complete.
func (r *report) safeCut(text []byte) int {
	cut, complete, hasFlag := 0, true, false
	var code []byte
	var before byte // what separates the item from the one before it
	for rest := text; len(rest) > 0; {
		item, next := nextField(rest)
		at := len(text) - len(rest)
		var after byte
		if end := at + len(item); end < len(text) {
			after = text[end]
		}
		rest = next
		f, ok := parseField(item)
		switch {
		case len(bytes.TrimSpace(item)) == 0:
			complete = complete || after == ';' && !r.semicolons
			continue
		case !ok && after == 0:
			// It may be the beginning of the flag.
			if complete && (hasFlag || !mayBe(item, code)) {
				cut = at
			}
			return cut
		case !ok || f.kind == bare:
			cut, code, complete, hasFlag = at, nil, after != 0, false
		case !bytes.EqualFold(f.code, code):
			cut, code, complete, hasFlag = at, f.code, false, false
		default:
			r.semicolons = r.semicolons || before == ';'
			complete = false
		}
		if bytes.HasPrefix(f.value, []byte("//")) && (len(f.value) < 4 || !bytes.HasSuffix(f.value, []byte("//"))) {
			return cut // a text that goes on
		}
		hasFlag = hasFlag || f.kind == flagged && len(f.value) > 0
		if f.kind == flagged && len(f.value) > 0 || after == ';' && !r.semicolons {
			complete = true
		}
		before = after
	}
	if complete {
		return len(text)
	}
	return cut
}

// mayBe says whether text may be the beginning of a field of the code.
func mayBe(text, code []byte) bool {
	n := min(len(text), len(code))
	return len(code) > 0 && bytes.EqualFold(text[:n], code[:n])
}

// flagCut is the flag of a value of which the end may be missing.
const flagCut = "cut"

// cutValues are the values in the end of a part that may go on in the next one,
// flagged as such.
func cutValues(tail []byte) (text []byte) {
	var code []byte
	for len(tail) > 0 {
		var item []byte
		item, tail = nextField(tail)
		f, ok := parseField(item)
		if !ok {
			continue
		}
		switch f.kind {
		case bare, flagged, ownFlag, sampleTime, serial:
			continue
		}
		if _, ok := number(f.value); !ok {
			continue
		}
		if !bytes.EqualFold(code, f.code) {
			code = f.code
			text = append(append(text, code...), "-Flag="+flagCut+","...)
		}
		text = append(append(text, item...), ',')
	}
	return text
}
