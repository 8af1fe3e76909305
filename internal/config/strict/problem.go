package strict

import (
	"fmt"
	"slices"
	"strings"
)

// shownProblems bounds the text of an error; Problems itself holds all of them.
const shownProblems = 100

// Problem is one thing that is wrong in a file.
type Problem struct {
	File string
	Line int // 1-based; 0 when the whole file is meant
	Text string
}

// String spells the problem as `file:line: text`.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Problems is an error that holds every problem that was found, ordered by
// file as they were read and by line.
type Problems []Problem

// Error has one problem a line.
func (ps Problems) Error() string {
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == shownProblems {
			fmt.Fprintf(&b, "... and %d more problems", len(ps)-i)
			break
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// File gathers the problems of one file. It is not safe for concurrent use.
type File struct {
	name     string
	problems Problems
}

// NewFile returns a File that is called name in its problems.
func NewFile(name string) *File { return &File{name: name} }

// Name is what the file is called in problems.
func (f *File) Name() string { return f.name }

// Refuse notes a problem on a line.
func (f *File) Refuse(line int, format string, args ...any) {
	f.problems = append(f.problems, Problem{File: f.name, Line: line, Text: fmt.Sprintf(format, args...)})
}

// Count is the number of problems so far.
func (f *File) Count() int { return len(f.problems) }

// Problems returns what was noted so far, ordered by line.
func (f *File) Problems() Problems {
	slices.SortStableFunc(f.problems, func(a, b Problem) int { return a.Line - b.Line })
	return f.problems
}

// Err is nil when nothing was refused, else Problems.
func (f *File) Err() error {
	if len(f.problems) == 0 {
		return nil
	}
	return f.Problems()
}
