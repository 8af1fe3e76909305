package table

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// header is the first row of a file, where it has names.
type header struct {
	file  string
	names []string
	named bool
}

// newHeader judges whether a first row has names or readings already: in a row of readings each cell is a time, a number
// or nothing.
func newHeader(file string, first []string) header {
	h := header{file: file}
	plain := newNumbers(',', nil)
	for _, cell := range first {
		cell = strings.TrimSpace(cell)
		h.names = append(h.names, cell)
		if _, ok := plain.parse(cell); ok {
			continue
		}
		if _, ok := parseDate(cell); !ok && !clockFace(cell) {
			h.named = true
		}
	}
	return h
}

// clockFace tells whether a text is a time of day, in a column of its own.
func clockFace(text string) bool {
	s := scanner{rest: narrow(text)}
	return s.clock(&date{})
}

// find looks up one column by its name or number, or several with commas between them.
func (h *header) find(flag, spec string) ([]int, error) {
	if i, err := h.one(flag, spec); err == nil || !strings.Contains(spec, ",") {
		return []int{i}, err
	}
	var found []int
	for _, part := range strings.Split(spec, ",") {
		i, err := h.one(flag, part)
		if err != nil {
			return nil, err
		}
		found = append(found, i)
	}
	return found, nil
}

func (h *header) one(flag, spec string) (int, error) {
	spec = strings.TrimSpace(spec)
	number, err := strconv.Atoi(spec)
	numbered := err == nil && number >= 1 && number <= len(h.names)
	if !h.named && numbered {
		return number - 1, nil
	}
	if i, err := h.byName(flag, spec); i >= 0 || err != nil {
		return i, err
	}
	switch {
	case numbered:
		return number - 1, nil
	case !h.named:
		return 0, h.problem("%s %s: no such column, and line 1 has readings instead of names (%s); name columns by number, such as --time-column 1 --value-column 2",
			flag, spec, h.list())
	}
	hint := ""
	if near := strict.Nearest(spec, h.names); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return 0, h.problem("%s %s: no such column; there are %s%s", flag, spec, h.list(), hint)
}

// byName finds the one column of a name, as it is or else in other letters; -1: there is none.
func (h *header) byName(flag, spec string) (int, error) {
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		found := -1
		for i, name := range h.names {
			switch {
			case name == "" || !same(name, spec):
			case found >= 0:
				return 0, h.problem("%s %s: columns %d and %d are called so; name it by its number", flag, spec, found+1, i+1)
			default:
				found = i
			}
		}
		if found >= 0 {
			return found, nil
		}
	}
	return -1, nil
}

func (h *header) problem(format string, args ...any) error {
	return &Problem{File: h.file, Line: 1, Message: fmt.Sprintf(format, args...)}
}

func (h *header) list() string {
	const most = 30
	var all []string
	for i, name := range h.names {
		if i == most {
			all = append(all, fmt.Sprintf("and %d more", len(h.names)-most))
			break
		}
		all = append(all, fmt.Sprintf("%d %s", i+1, shown(name)))
	}
	return strings.Join(all, ", ")
}

// name is what a column is called.
func (h *header) name(column int) string {
	if h.named && h.names[column] != "" {
		return h.names[column]
	}
	return strconv.Itoa(column + 1)
}
