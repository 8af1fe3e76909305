package access

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/belfry-city/belfry/collector/plate"
)

const hidden = "<secret>"

var anyToken = regexp.MustCompile(tokenPrefix + `[A-Za-z0-9_-]{8,}`)

// RedactURL is u without what may be a secret: passwords, the parameters p,
// password and token, and whatever looks like a token; and without number
// plates. Log URLs only in this form.
func RedactURL(u *url.URL) string {
	shown := *u
	if shown.User != nil {
		shown.User = url.User("xxxxx")
	}
	shown.Fragment, shown.RawFragment = "", ""
	parts := strings.FieldsFunc(shown.RawQuery, func(r rune) bool { return r == '&' || r == ';' })
	for i, part := range parts {
		name, _, hasValue := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); hasValue && (err != nil || isSecret(plain)) {
			parts[i] = name + "=" + hidden
		}
	}
	shown.RawQuery = strings.Join(parts, "&")
	return string(plate.Redactor{}.Text([]byte(anyToken.ReplaceAllString(shown.String(), hidden))))
}

func isSecret(parameter string) bool {
	switch strings.ToLower(parameter) {
	case "p", "password", "token", "access_token":
		return true
	}
	return false
}
