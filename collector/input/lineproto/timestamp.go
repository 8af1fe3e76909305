package lineproto

import (
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
	case count == 0 || !endsValue(raw, end):
		return 0, p.fail(reading.ReasonBadTimestamp, pos, "want a whole number as the timestamp, got ", "")
	case count > maxDigits || n > math.MaxInt64:
		var err error
		if t, err = strconv.ParseInt(asString(raw[pos:end]), 10, 64); err != nil {
			return 0, p.badTime(pos)
		}
	case begin != pos:
		t = -t
	}
	ms, ok := p.scale.milliseconds(t)
	if !ok {
		return 0, p.badTime(pos)
	}
	return ms, end
}

func (p *Parser) badTime(pos int) int {
	return p.fail(reading.ReasonBadTimestamp, pos, "the timestamp ", " is out of range")
}
