package lineproto

import (
	"fmt"
	"time"
)

// Options say how a request is to be read.
type Options struct {
	// Precision is the unit of the timestamps: one of those that
	// ParsePrecisionV1 returns, or 0 for nanoseconds. Any other panics.
	Precision time.Duration
	// MaxLine is the length in bytes up to which a line is accepted, without
	// its line break; 0 means any.
	MaxLine int
	// Now is the time of lines without a timestamp, in milliseconds since the
	// epoch. It is used as it stands, whatever Precision is.
	Now int64
}

// ParsePrecisionV1 understands the `precision` parameter of InfluxDB 1:
// n, ns, u, µ, us, ms, s, m and h. An empty one means nanoseconds.
func ParsePrecisionV1(s string) (time.Duration, error) {
	switch s {
	case "", "n", "ns":
		return time.Nanosecond, nil
	case "u", "us", "µ", "μ": // U+00B5 and U+03BC
		return time.Microsecond, nil
	case "ms":
		return time.Millisecond, nil
	case "s":
		return time.Second, nil
	case "m":
		return time.Minute, nil
	case "h":
		return time.Hour, nil
	}
	return 0, fmt.Errorf("precision %q: want n, ns, u, us, ms, s, m or h; or leave it out for nanoseconds", s)
}

// ParsePrecisionV2 understands the `precision` parameter of InfluxDB 2:
// ns, us, ms and s. An empty one means nanoseconds.
func ParsePrecisionV2(s string) (time.Duration, error) {
	switch s {
	case "", "ns":
		return time.Nanosecond, nil
	case "us":
		return time.Microsecond, nil
	case "ms":
		return time.Millisecond, nil
	case "s":
		return time.Second, nil
	}
	return 0, fmt.Errorf("precision %q: want ns, us, ms or s; or leave it out for nanoseconds", s)
}

// scale turns timestamps of a precision into milliseconds: one of times and
// per is 1.
type scale struct {
	times int64 // milliseconds of one unit
	per   int64 // units of one millisecond
}

func scaleOf(precision time.Duration) scale {
	switch precision {
	case 0, time.Nanosecond:
		return scale{times: 1, per: 1e6}
	case time.Microsecond:
		return scale{times: 1, per: 1e3}
	case time.Millisecond, time.Second, time.Minute, time.Hour:
		return scale{times: precision.Milliseconds(), per: 1}
	}
	panic(fmt.Sprintf("lineproto: no such precision: %v", precision))
}

// milliseconds returns t rounded down. ok is false where that is beyond int64.
func (s scale) milliseconds(t int64) (ms int64, ok bool) {
	switch s.per {
	case 1:
		ms = t * s.times
		return ms, ms/s.times == t
	case 1e6: // a constant divisor, because nearly all senders use it
		ms = t / 1e6
	default:
		ms = t / s.per
	}
	if t < 0 && ms*s.per != t {
		ms--
	}
	return ms, true
}
