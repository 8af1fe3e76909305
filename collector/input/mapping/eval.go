package mapping

import (
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr/file"
)

// errMissing says that an expression needs something which the message does not
// have.
var errMissing = errors.New("something is missing in the message")

// eval evaluates an expression for what is bound. An error that comes from a
// missing field is errMissing.
func (r *run) eval(p *program) (any, error) {
	if !r.budget.run() {
		return nil, errTooLong
	}
	v, err := r.vm.Run(p.run, r.env)
	if err == nil {
		return v, nil
	}
	var in *file.Error
	if !errors.As(err, &in) {
		return nil, fmt.Errorf("%s: %w", show(p), err)
	}
	if errors.Is(err, errMissing) || isMissing(in.Message) {
		return nil, fmt.Errorf("%s: %w", show(p), errMissing)
	}
	return nil, fmt.Errorf("%s: %s at column %d", show(p), plainWords(in.Message), in.Column+1)
}

// plainWords says what the language means.
func plainWords(message string) string {
	if message == "invalid operation: int(string)" {
		return "there is text or a list where an object is meant,"
	}
	return message
}

// isMissing holds for what the language says of nil as an operand, or as what
// something is taken from, and of a list that is too short.
func isMissing(message string) bool {
	for _, said := range []string{"<nil>", "interface {} is nil", "on zero Value", "index out of range"} {
		if strings.Contains(message, said) {
			return true
		}
	}
	return false
}
