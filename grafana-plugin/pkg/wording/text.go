package wording

import (
	"fmt"
	"strings"
)

// Lang is a language that texts exist in.
type Lang string

// The languages.
const (
	English Lang = "en"
	Chinese Lang = "zh-CN"
)

// Of returns the language for a tag such as zh-Hans, zh-CN or en-US. What is
// not Chinese is English.
func Of(tag string) Lang {
	tag = strings.ToLower(tag)
	if tag == "zh" || strings.HasPrefix(tag, "zh-") || strings.HasPrefix(tag, "zh_") {
		return Chinese
	}
	return English
}

// Text is one sentence in each language; both take the same arguments, as
// fmt.Sprintf does.
type Text struct{ EN, ZH string }

// In returns the text in a language.
func (t Text) In(l Lang, args ...any) string {
	format := t.EN
	if l == Chinese {
		format = t.ZH
	}
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}
