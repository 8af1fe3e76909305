package lorawan

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/belfry-city/belfry/collector/input/jsontext"
)

// factor is by how much a value in one unit has to be multiplied for another.
func factor(from, to string) (float64, bool) {
	if from == to {
		return 1, true
	}
	var scale map[string]float64
	switch to {
	case "m":
		scale = map[string]float64{"mm": 1e-3, "cm": 1e-2, "dm": 1e-1, "km": 1e3, "ft": 0.3048, "in": 0.0254}
	case "V":
		scale = map[string]float64{"mV": 1e-3, "volt": 1, "volts": 1, "v": 1, "mv": 1e-3}
	case "MPa":
		scale = map[string]float64{"kPa": 1e-3, "Pa": 1e-6, "bar": 0.1, "mbar": 1e-4, "hPa": 1e-4}
	case "%":
		scale = map[string]float64{"percent": 1}
	}
	f, ok := scale[from]
	return f, ok
}

// word is a text that stands for a state in any field.
func word(text string) (float64, bool) {
	switch strings.ToLower(text) {
	case "true", "on", "yes", "open", "opened", "enabled", "active", "detected":
		return 1, true
	case "false", "off", "no", "close", "closed", "disabled", "inactive":
		return 0, true
	}
	return 0, false
}

// isName holds for fields that name something, although it may have digits
// only.
func isName(field string) bool {
	switch field {
	case "sn", "id", "eui", "mac", "imei", "imsi", "iccid", "serial", "model", "version", "date", "time":
		return true
	}
	for _, end := range []string{"_sn", "_id", "_eui", "_version", "_ver", "_serial", "_addr", "_number", "_time", "_date"} {
		if strings.HasSuffix(field, end) {
			return true
		}
	}
	return false
}

// quantity reads a number, a state, or a number with a unit behind it, such as
// "1234 mm".
func quantity(v any, r *rule, field string) (n float64, unit string, ok bool) {
	if r != nil && len(r.values) > 0 {
		if s, is := jsontext.Text(v); is {
			if n, ok := r.values[strings.ToLower(strings.TrimSpace(s))]; ok {
				return n, "", true
			}
		}
	}
	switch v := v.(type) {
	case string:
		v = strings.TrimSpace(v)
		if n, ok := word(v); ok {
			return n, "", true
		}
		if r == nil && isName(field) {
			return 0, "", false
		}
		if n, ok := jsontext.Number(v); ok {
			return n, "", true
		}
		return withUnit(v)
	case json.Number:
		return 0, "", false // so many digits are an id
	}
	n, ok = jsontext.Number(v)
	return n, "", ok
}

func withUnit(text string) (n float64, unit string, ok bool) {
	const longest = 8 // bytes of a unit
	end := 0
	for end < len(text) && strings.IndexByte("+-.0123456789", text[end]) >= 0 {
		end++
	}
	unit = strings.TrimSpace(text[end:])
	n, err := strconv.ParseFloat(text[:end], 64)
	if err != nil || math.IsInf(n, 0) || unit == "" || len(unit) > longest || strings.ContainsAny(unit, "0123456789-:./ ") {
		return 0, "", false
	}
	return n, unit, true
}
