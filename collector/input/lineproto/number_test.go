package lineproto_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
)

// requireExact wants s to be read as strconv reads it, to the bit.
func requireExact(t require.TestingT, s string) {
	want, err := strconv.ParseFloat(s, 64)
	for _, line := range []string{"m f=" + s, "m f=" + s + ",g=1", "m f=" + s + " 1732350000123000000\n"} {
		b := parse(line, lineproto.Options{})
		if err != nil {
			require.Equal(t, reading.ReasonBadNumber, b.Refusals[0].Reason, line)
			continue
		}
		require.Empty(t, b.Refusals, line)
		require.Equal(t, math.Float64bits(want), math.Float64bits(b.Fields[0].Value), line)
	}
}

func TestFloatsAreExact(t *testing.T) {
	for _, s := range []string{
		"0", "-0", "0.0", "-0.000", "1", "0.1", "0.3", "3.61", "-71.5", "12345678", "123456789", "1234567.8", "12345678.9",
		"9007199254740991", "9007199254740992", "9007199254740993", "9007199254740995", "-9007199254740993",
		"900719925474099.3", "90071992547.40993", "0.9007199254740993", "98.49246231155779", "18.446744073709551615",
		"9223372036854775807", "9223372036854775808", "9999999999999999999", "99999999999999999999", "18446744073709551615",
		"9.999999999999999999", "0.9999999999999999999", "1.000000000000000001", "0.0000000000000000001",
		"4503599627370496.5", "4503599627370497.5", "9007199254740992.5", "0.5000000000000000000001",
		"1e22", "1e23", "8.5e-324", "2.2250738585072011e-308", "1.7976931348623157e308", "1.7976931348623159e308", "1e-999",
	} {
		requireExact(t, s)
	}
}

func TestFloatsAreExactWhateverTheDigits(t *testing.T) {
	digits := func(t *rapid.T, label string, least int) string {
		return rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), least, 24, -1).Draw(t, label)
	}
	rapid.Check(t, func(t *rapid.T) {
		sign := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign")
		s := sign + digits(t, "whole", 1)
		if rapid.Bool().Draw(t, "point") {
			s += "." + digits(t, "places", 0)
		}
		if rapid.Bool().Draw(t, "scientific") {
			s += fmt.Sprintf("e%d", rapid.IntRange(-330, 310).Draw(t, "exponent"))
		}
		requireExact(t, s)
	})
}

func TestFloatsAreExactAsPrinted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-1000, 1000)).Draw(t, "f")
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return
		}
		format := rapid.SampledFrom([]byte("gfe")).Draw(t, "format")
		requireExact(t, strconv.FormatFloat(f, format, rapid.IntRange(-1, 20).Draw(t, "precision"), 64))
		requireExact(t, strconv.FormatFloat(f, format, -1, 64))
	})
}

// Numbers half way between two float64, and just beside that, are where a
// rounding goes wrong first. An odd number of 54 bits divided by a power of two
// lies half way; with more than four places it would have over 19 digits, which
// strconv reads.
func TestFloatsAreExactHalfWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(0, 4).Draw(t, "places")
		m := rapid.Uint64Range(1<<53, 1<<54-1).Draw(t, "mantissa") | 1
		for range places {
			m *= 5
		}
		for _, near := range []uint64{m - 1, m, m + 1} {
			s := strconv.FormatUint(near, 10)
			requireExact(t, s[:len(s)-places]+"."+s[len(s)-places:])
		}
	})
}

func TestIntegersAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.Int64().Draw(t, "i")
		u := rapid.Uint64().Draw(t, "u")
		b := parse(fmt.Sprintf("m i=%di,u=%du", i, u), lineproto.Options{})
		require.Empty(t, b.Refusals)
		require.Equal(t, float64(i), b.Fields[0].Value)
		require.Equal(t, float64(u), b.Fields[1].Value)
	})
}
