package table

import (
	"fmt"
	"strings"
)

// Problem is something in a file that cannot be read.
type Problem struct {
	// File is its name, Line counts from 1; 0: the whole file.
	File string
	Line int
	// Column is the column's name, "" where none is concerned.
	Column string
	// Message says what is wrong, and what would be right.
	Message string

	last bool // nothing can be read after it
}

// Error is FILE:LINE: column "NAME": message.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Column != "" {
		fmt.Fprintf(&b, ": column %q", p.Column)
	}
	return b.String() + ": " + p.Message
}

// shown cuts a text of the file to what fits into a message.
func shown(text string) string {
	const longest = 60
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return fmt.Sprintf("%q", text)
}
