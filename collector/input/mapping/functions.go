package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input/jsontext"
)

// function is one that expressions may call.
type function = func(args ...any) (any, error)

// functions are those of this package. external finds assets in the catalog.
func functions(times times, assets func() *catalog.Catalog) map[string]function {
	return map[string]function{
		"number":   number,
		"hex":      hexadecimal,
		"bit":      bit,
		"scale":    scale,
		"time":     times.call,
		"external": external(assets),
	}
}

func count(name string, args []any, least, most int) error {
	if len(args) < least || len(args) > most {
		return fmt.Errorf("%s: want %d to %d arguments; got %d", name, least, most, len(args))
	}
	return nil
}

// number reads a number that is written as text, also with a unit behind it or
// with commas in it: number("1,234.5 mm") is 1234.5. What is missing stays so,
// and with a second argument that is used instead of what is no number.
func number(args ...any) (any, error) {
	if err := count("number", args, 1, 2); err != nil {
		return nil, err
	}
	if args[0] == nil {
		return nil, nil
	}
	if n, ok := jsontext.Number(args[0]); ok {
		return n, nil
	}
	if text, ok := args[0].(string); ok {
		text = strings.ReplaceAll(strings.TrimSpace(text), ",", "")
		end := 0
		for end < len(text) && strings.IndexByte("+-.0123456789eE", text[end]) >= 0 {
			end++
		}
		for ; end > 0; end-- { // the e of "5 e" and of "5eur" is none of the number
			if n, ok := jsontext.Number(text[:end]); ok {
				return n, nil
			}
		}
	}
	if len(args) == 2 {
		return args[1], nil
	}
	return nil, fmt.Errorf("%s is no number", jsontext.Show(args[0]))
}

// hexadecimal reads a whole number in hexadecimal, with or without 0x.
func hexadecimal(args ...any) (any, error) {
	if err := count("hex", args, 1, 1); err != nil {
		return nil, err
	}
	if args[0] == nil {
		return nil, nil
	}
	text, ok := jsontext.Text(args[0])
	digits := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(text), "0x"), "0X")
	n, err := strconv.ParseUint(digits, 16, 63)
	if !ok || err != nil {
		return nil, fmt.Errorf("hex: %s is no hexadecimal number of at most 63 bits", jsontext.Show(args[0]))
	}
	return int(n), nil
}

// bit is 1 or 0: that of a whole number at a place, counted from 0 at the right.
func bit(args ...any) (any, error) {
	if err := count("bit", args, 2, 2); err != nil {
		return nil, err
	}
	if args[0] == nil {
		return nil, nil
	}
	n, ok := jsontext.Number(args[0])
	at, isPlace := jsontext.Number(args[1])
	if !ok || n != math.Trunc(n) || math.Abs(n) >= 1<<62 {
		return nil, fmt.Errorf("bit: %s is no whole number", jsontext.Show(args[0]))
	}
	if !isPlace || at != math.Trunc(at) || at < 0 || at > 62 {
		return nil, fmt.Errorf("bit: %s is no place from 0 to 62", jsontext.Show(args[1]))
	}
	return int(int64(n) >> uint(at) & 1), nil
}

var errEmptyRange = errors.New("scale: want a range that is not empty to scale from")

// scale brings a value from one range to another, as from 4 to 20 mA to 0 to 5
// m: scale(mA, 4, 20, 0, 5).
func scale(args ...any) (any, error) {
	if err := count("scale", args, 5, 5); err != nil {
		return nil, err
	}
	if args[0] == nil {
		return nil, nil
	}
	var n [5]float64
	for i, a := range args {
		var ok bool
		if n[i], ok = jsontext.Number(a); !ok {
			return nil, fmt.Errorf("scale: %s is no number", jsontext.Show(a))
		}
	}
	if n[1] == n[2] {
		return nil, errEmptyRange
	}
	return n[3] + (n[0]-n[1])*(n[4]-n[3])/(n[2]-n[1]), nil
}

// external finds the asset that has an id in the catalog's column external.KIND,
// and is nil where there is none.
func external(assets func() *catalog.Catalog) function {
	return func(args ...any) (any, error) {
		if err := count("external", args, 2, 2); err != nil {
			return nil, err
		}
		kind, ok := args[0].(string)
		if !ok {
			return nil, errors.New(`external: want first the kind of id as text, such as external("sn", id)`)
		}
		id, ok := jsontext.Text(args[1])
		if !ok || assets == nil || assets() == nil {
			return nil, nil
		}
		if a, known := assets().ByExternal(kind, id); known {
			return a.ID, nil
		}
		return nil, nil
	}
}

// plain is v without what the language does not know.
func plain(v any) any {
	if n, ok := v.(json.Number); ok {
		return string(n)
	}
	return v
}

// quantity is what may be stored of the value of an expression: seconds of
// times and durations, numbers, and text that is a number.
func quantity(v any) (float64, bool) {
	switch v := v.(type) {
	case time.Time:
		return float64(v.UnixMicro()) / 1e6, true
	case time.Duration:
		return v.Seconds(), true
	case int64:
		return float64(v), true
	case int32:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float32:
		return float64(v), true
	}
	return jsontext.Number(v)
}
