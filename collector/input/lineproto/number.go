package lineproto

import (
	"bytes"
	"errors"
	"math"
	"math/bits"
	"strconv"
	"unsafe"

	"github.com/belfry-city/belfry/collector/reading"
)

// number reads the float, integer or unsigned integer that begins at pos and
// returns where it ends. Whatever is not plain it leaves to strconv.
func (p *Parser) number(raw []byte, pos int) (v float64, end int) {
	begin := pos
	if raw[pos] == '-' {
		begin++
	}
	m, count, places, end := mantissa(raw, begin)
	if count == 0 || count > maxDigits {
		return p.otherNumber(raw, pos)
	}
	integer := false
	if end < len(raw) {
		switch raw[end] {
		case ',', ' ', '\n', '\r':
		case 'i':
			integer = true
			end++
			if end-begin != count+1 || m > math.MaxInt64 || !endsValue(raw, end) {
				return p.otherNumber(raw, pos)
			}
		default:
			return p.otherNumber(raw, pos)
		}
	}
	if places == 0 && m <= math.MaxInt64 {
		v = float64(int64(m)) // much faster than float64(m)
	} else {
		v = quotient(m, places)
	}
	if begin != pos && (m != 0 || !integer) { // -0i is 0, but -0 is not
		v = -v
	}
	return v, end
}

// maxDigits is how many digits surely fit into 64 bits.
const maxDigits = 19

// mantissa reads digits with or without a point among them. It returns the
// number that they make without the point, how many there are in all and behind
// the point, and where they end. Beyond maxDigits the number is wrong.
func mantissa(raw []byte, pos int) (m uint64, count, places, end int) {
	values, others := digitValues(word(raw, pos))
	whole := firstMarked(others)
	if rest := others & (others - 1); rest != 0 {
		// The number ends within this word. Take the point out of it.
		if byte(values>>(8*whole&63)) != '.'^'0' {
			return shortDecimal(values, whole), whole, 0, pos + whole
		}
		below := uint64(1)<<(8*whole&63) - 1
		count = firstMarked(rest) - 1
		return shortDecimal(values&below|values>>8&^below, count), count, count - whole, pos + count + 1
	}
	m, end = digits(raw, pos)
	count = end - pos
	if end < len(raw) && raw[end] == '.' {
		point := end
		var decimals uint64
		decimals, end = digits(raw, point+1)
		places = end - point - 1
		count += places
		if count <= maxDigits {
			m = m*wholePowers[places] + decimals
		}
	}
	return m, count, places, end
}

// quotient is m / 10^places, rounded as strconv.ParseFloat rounds: to the
// nearest float64, and of two equally near ones to the even. places may be up to
// maxDigits.
func quotient(m uint64, places int) float64 {
	if m < 1<<53 {
		// Both are exact, so that the division rounds once. 10^22 is the last
		// power of ten that is.
		return float64(int64(m)) / floatPowers[places]
	}
	if places == 0 {
		return float64(m)
	}
	// m / 5^places to 62 or 63 bits, of which the last also stands for the
	// remainder: more than enough for the conversion to round right. What is
	// left to divide by is a power of two, which is exact.
	d := powersOf5[places]
	shift := 62 - bits.Len64(m) + bits.Len64(d)
	high, low := m>>(64-shift), m<<shift
	if shift >= 64 {
		high, low = m<<(shift-64), 0
	}
	q, remainder := bits.Div64(high, low, d)
	if remainder != 0 {
		q |= 1
	}
	return float64(int64(q)) * math.Float64frombits(uint64(1023-shift-places)<<52)
}

// otherNumber reads what number does not: what is long, has an exponent or is
// unsigned, and all that is wrong.
func (p *Parser) otherNumber(raw []byte, pos int) (float64, int) {
	end := valueEnd(raw, pos)
	token := raw[pos:end]
	var v float64
	var err error
	switch last := len(token) - 1; token[last] {
	case 'i':
		var n int64
		n, err = strconv.ParseInt(asString(token[:last]), 10, 64)
		v = float64(n)
	case 'u':
		var n uint64
		n, err = strconv.ParseUint(asString(token[:last]), 10, 64)
		v = float64(n)
	default:
		if !isDecimal(token) {
			return 0, p.badValue(raw, pos)
		}
		v, err = strconv.ParseFloat(asString(token), 64)
	}
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, p.fail(reading.ReasonBadNumber, pos, "", " is out of range")
	case err != nil:
		return 0, p.badValue(raw, pos)
	}
	return v, end
}

// isDecimal tells decimal numbers from the hexadecimal ones, underscores, `inf`
// and `nan` that strconv takes besides them.
func isDecimal(token []byte) bool {
	for _, c := range token {
		if c < '0' || c > '9' {
			switch c {
			case '.', '-', '+', 'e', 'E':
			default:
				return false
			}
		}
	}
	return true
}

func isNotFinite(value []byte) bool {
	if value[0] == '-' || value[0] == '+' {
		value = value[1:]
	}
	for _, name := range [...]string{"nan", "inf", "infinity"} {
		if bytes.EqualFold(value, []byte(name)) {
			return true
		}
	}
	return false
}

// asString is for calls that do not keep the string.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

//nolint:gochecknoglobals // a table of constants
var wholePowers = [maxDigits + 1]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

//nolint:gochecknoglobals // a table of constants
var floatPowers = [maxDigits + 1]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

//nolint:gochecknoglobals // a table of constants
var powersOf5 = func() (powers [maxDigits + 1]uint64) {
	powers[0] = 1
	for i := 1; i < len(powers); i++ {
		powers[i] = 5 * powers[i-1]
	}
	return powers
}()
