package reading

import (
	"bytes"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// validName says whether name is one that PromQL takes without quotes: letters,
// digits, underscores and, for metrics, colons. Names that begin with two
// underscores are Prometheus' own.
func validName(name []byte, metric bool) bool {
	for i, c := range name {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':' && metric, c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return len(name) > 0 && !bytes.HasPrefix(name, []byte("__"))
}

// validText says whether name is one that Prometheus 3 takes.
func validText(name []byte, metric bool) bool {
	return len(name) > 0 && utf8.Valid(name) && (metric || string(name) != "__name__")
}

// Name makes the name of a metric or label out of what a device calls it:
// waterLevel, "Water Level" and water-level become water_level. It returns ""
// where nothing is left, as for a name all in Chinese.
func Name(text string) string {
	var b strings.Builder
	b.Grow(len(text) + 4)
	lower, gap := false, false
	for _, c := range text {
		switch {
		case c >= 'A' && c <= 'Z':
			if lower || (gap && b.Len() > 0) {
				b.WriteByte('_')
			}
			b.WriteRune(c + 'a' - 'A')
			lower, gap = false, false
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			if b.Len() == 0 && c <= '9' {
				b.WriteByte('_')
			}
			b.WriteRune(c)
			lower, gap = true, false
		default:
			gap = true
		}
	}
	return b.String()
}

// view is only for what copies or forgets the text at once.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
