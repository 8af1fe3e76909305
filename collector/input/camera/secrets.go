package camera

import (
	"bytes"
	"regexp"
)

var (
	// schemeEnd is what stands between the scheme and the rest of a URL, also as
	// JSON may escape it.
	schemeEnd = regexp.MustCompile(`:(?:/|\\/|\\u002[fF]){2}`)
	hostEnd   = regexp.MustCompile(`[/?#]|\\u002[fF]`)
	portOnly  = regexp.MustCompile(`^[^:]*:[0-9]*\\?$`)
	// querySecret is a password behind the question mark.
	querySecret = regexp.MustCompile(`(?i)([?&;]|\\u0026)((?:[a-z_]*password|passwd|pwd|pass|loginpas|[a-z_]*token|auth|secret|api_?key)=)[^&;\s"'<>\\]+`)
)

// withoutPasswords is text without those in the URLs in it, which may be
// streams of cameras.
func withoutPasswords(text []byte) []byte {
	if !bytes.Contains(text, []byte(":")) {
		return text
	}
	ends := schemeEnd.FindAllIndex(text, -1)
	if ends == nil {
		return text
	}
	var out []byte
	kept := 0
	for i, at := range ends {
		rest := text[at[1]:]
		if i+1 < len(ends) {
			rest = text[at[1]:ends[i+1][0]]
		}
		if end := bytes.IndexAny(rest, " \t\r\n\"<>`"); end >= 0 {
			rest = rest[:end]
		}
		if n := userInfo(rest); n > 0 {
			out = append(out, text[kept:at[1]]...)
			kept = at[1] + n
		}
	}
	out = append(out, text[kept:]...)
	return querySecret.ReplaceAll(out, []byte("$1$2***"))
}

// userInfo is how long the user and password at the beginning of a URL are,
// behind its scheme. People write passwords with @ and / as they are.
func userInfo(rest []byte) int {
	host := rest
	if end := hostEnd.FindIndex(rest); end != nil {
		host = rest[:end[0]]
	}
	if at := bytes.LastIndexByte(host, '@'); at >= 0 {
		return at + 1
	}
	if !bytes.Contains(host, []byte(":")) || bytes.HasPrefix(host, []byte("[")) || portOnly.Match(host) {
		return 0
	}
	return bytes.LastIndexByte(rest, '@') + 1
}
