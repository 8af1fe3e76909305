package database

import (
	"strings"

	"github.com/belfry-city/belfry/internal/filter"
)

// Where puts conditions of a query together, all of which have to hold.
type Where struct {
	conditions []string
	args       []any
}

// And adds a condition, with the values of its question marks.
func (w *Where) And(condition string, values ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, values...)
}

// In has a filter find the column's value.
func (w *Where) In(column string, values []string) {
	wanted, unwanted := filter.Split(values)
	if len(wanted) > 0 {
		condition, args := In(column, wanted)
		w.And(condition, args...)
	}
	if len(unwanted) > 0 {
		condition, args := In(column, unwanted)
		w.And("NOT "+condition, args...)
	}
}

// In is the condition that the column is one of the values, and its arguments.
func In[T any](column string, values []T) (condition string, args []any) {
	args = make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return column + " IN (" + strings.TrimSuffix(strings.Repeat("?,", len(values)), ",") + ")", args
}

// Containing is the pattern of `LIKE ? ESCAPE '\'` for what contains a text.
func Containing(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// SQL is the clause, with a space before it, and its arguments; "" where there is no
// condition.
func (w *Where) SQL() (clause string, args []any) {
	if len(w.conditions) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(w.conditions, " AND "), w.args
}
