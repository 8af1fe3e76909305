package lineproto

import (
	"fmt"
	"math"
	"strconv"

	"github.com/belfry-city/belfry/collector/reading"
)

// timestamp reads the timestamp that begins at pos. It returns it in
// milliseconds, and where it ends, or -1 if it is malformed.
func (p *Parser) timestamp(raw []byte, pos int) (ms int64, end int) {
	begin := pos
	if raw[pos] == '-' {
		begin++
	}
	n, end := digits(raw, begin)
	t := int64(n)
	switch count := end - begin; {
	case count == 0 || !endsTimestamp(raw, end):
		return 0, p.fail(reading.ReasonBadTimestamp, pos, "want a whole number as the timestamp, got "+excerpt(raw, pos))
	case count > maxDigits || n > math.MaxInt64:
		var err error
		if t, err = strconv.ParseInt(asString(raw[pos:end]), 10, 64); err != nil {
			return 0, p.badTime(raw, pos)
		}
	case begin != pos:
		t = -t
	}
	ms, ok := p.scale.milliseconds(t)
	if !ok {
		return 0, p.badTime(raw, pos)
	}
	return ms, end
}

func (p *Parser) badTime(raw []byte, pos int) int {
	return p.fail(reading.ReasonBadTimestamp, pos, fmt.Sprintf("the timestamp %s is out of range", excerpt(raw, pos)))
}

func endsTimestamp(raw []byte, pos int) bool {
	return endsValue(raw, pos) && (pos >= len(raw) || raw[pos] != ',')
}
