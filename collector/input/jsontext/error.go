package jsontext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/belfry-city/belfry/collector/reading"
)

// Error says what is wrong in a JSON text, and where.
type Error struct {
	Reason reading.Reason
	// Line and Column (in characters) count from 1 in the text as UTF-8; 0 means
	// all of it.
	Line, Column int
	// Path leads to the value, such as /readings/3/level (RFC 6901); it may be
	// empty.
	Path string
	Text string
}

func (e *Error) Error() string {
	text := e.Text
	if e.Path != "" {
		text += " (in " + e.Path + ")"
	}
	if e.Line == 0 {
		return text
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, text)
}

// Refuse refuses what err, an *Error, is about. Other errors count as syntax.
func Refuse(out *reading.Builder, err error, raw []byte) {
	reason := reading.ReasonSyntax
	var e *Error
	if errors.As(err, &e) {
		reason = e.Reason
	}
	out.RefuseRaw(reason, err.Error(), raw)
}

// shortPath bounds what an answer repeats of a sender's keys.
const shortPath = 120

// newError places an error at an offset of text.
func newError(text []byte, offset int, reason reading.Reason, path, message string) *Error {
	offset = min(max(offset, 0), len(text))
	before := text[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	if len(path) > shortPath {
		path = path[:shortPath] + "..."
	}
	return &Error{
		Reason: reason,
		Line:   bytes.Count(before, []byte{'\n'}) + 1,
		Column: utf8.RuneCount(before[start:]) + 1,
		Path:   path,
		Text:   message,
	}
}

// asError translates an error of the tokenizer. base is where its text begins
// in the whole.
func asError(whole []byte, base int, err error) *Error {
	var ours *Error
	if errors.As(err, &ours) {
		return ours
	}
	offset, path, cause := len(whole)-base, "", err
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		offset, path, cause = int(syntactic.ByteOffset), string(syntactic.JSONPointer), syntactic.Err
	}
	switch {
	case errors.Is(cause, io.ErrUnexpectedEOF), errors.Is(cause, io.EOF):
		return newError(whole, len(whole), reading.ReasonSyntax, path, "the JSON ends in the middle")
	default:
		return newError(whole, base+offset, reading.ReasonSyntax, path, "no JSON: "+cause.Error())
	}
}
