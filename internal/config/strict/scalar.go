package strict

import (
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// Scalar turns text into a value. When the text is not fit, want says what
// would be right; otherwise want is empty.
type Scalar[T any] func(text string) (value T, want string)

// Text accepts any UTF-8 text that is not blank. what names it, such as
// "the path of a file".
func Text(what string) Scalar[string] {
	return func(text string) (string, string) {
		if strings.TrimSpace(text) == "" || !utf8.ValidString(text) {
			return "", what
		}
		return text, ""
	}
}

// Free accepts any UTF-8 text, also none.
func Free(text string) (string, string) {
	if !utf8.ValidString(text) {
		return "", "text in UTF-8"
	}
	return text, ""
}

// OneOf accepts the given words only.
func OneOf[T ~string](words ...T) Scalar[T] {
	return func(text string) (T, string) {
		if slices.Contains(words, T(text)) {
			return T(text), ""
		}
		plain := make([]string, len(words))
		for i, w := range words {
			plain[i] = string(w)
		}
		want := "one of " + strings.Join(plain, ", ")
		if near := Nearest(text, plain); near != "" {
			want += fmt.Sprintf(" (did you mean %q?)", near)
		}
		return "", want
	}
}

// Bool accepts true and false.
func Bool(text string) (bool, string) {
	switch text {
	case "true":
		return true, ""
	case "false":
		return false, ""
	}
	return false, "true or false"
}

// Duration accepts durations as Prometheus spells them, from least on. example
// is shown when the text is none.
func Duration(least time.Duration, example string) Scalar[time.Duration] {
	return func(text string) (time.Duration, string) {
		want := "a duration such as " + example
		if least > 0 {
			want += ", at least " + model.Duration(least).String()
		}
		d, err := model.ParseDuration(text)
		if err != nil || time.Duration(d) < least {
			return 0, want
		}
		return time.Duration(d), ""
	}
}

// Whole accepts whole numbers from least on, also written as 1e6. what and
// example show what is wanted, such as "a whole number of series" and 1000000.
func Whole(what string, least, example int64) Scalar[int64] {
	want := fmt.Sprintf("%s, such as %d", what, example)
	return func(text string) (int64, string) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			f, floatErr := strconv.ParseFloat(text, 64)
			if floatErr != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 || !strings.ContainsAny(text, "eE") {
				return 0, want
			}
			n = int64(f)
		}
		if n < least {
			return 0, fmt.Sprintf("%s, at least %d", want, least)
		}
		return n, ""
	}
}

// Number accepts finite numbers from least to most.
func Number(what string, least, most float64) Scalar[float64] {
	return func(text string) (float64, string) {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || f < least || f > most {
			return 0, what
		}
		return f, ""
	}
}

// Size accepts numbers of bytes from least on: 512MiB (1 MiB is 1,048,576
// bytes), 10GB (1 GB is 1,000,000,000 bytes), or a plain number.
func Size(least int64, example string) Scalar[int64] {
	units := map[string]float64{
		"": 1, "B": 1,
		"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}
	return func(text string) (int64, string) {
		want := "a size such as " + example + " (kB, MB, GB, TB, KiB, MiB, GiB, TiB)"
		digits := strings.TrimRight(text, "BKMGTik ")
		unit, known := units[strings.TrimSpace(text[len(digits):])]
		n, err := strconv.ParseFloat(digits, 64)
		if err != nil || !known || n < 0 || n*unit > math.MaxInt64/2 || math.IsNaN(n) {
			return 0, want
		}
		if size := int64(n * unit); size >= least {
			return size, ""
		}
		return 0, fmt.Sprintf("%s, at least %d bytes", want, least)
	}
}

// HostPort accepts an address to listen on. The host may be left out, which
// means every address of the machine.
func HostPort(text string) (string, string) {
	const want = "host:port, such as 127.0.0.1:9400 or [::1]:9400"
	host, port, err := net.SplitHostPort(text)
	if err != nil || strings.ContainsAny(host, " /\t") {
		return "", want
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "", want + ", with a port from 0 to 65535"
	}
	return text, ""
}
