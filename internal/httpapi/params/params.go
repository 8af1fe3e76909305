package params

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/internal/config/strict"
	"github.com/belfry-city/belfry/internal/filter"
)

const (
	// DefaultLimit is how many are given where nobody says.
	DefaultLimit = 100
	// MostLimit is how many are given at most.
	MostLimit = 1000
	// mostValues bounds how many values a filter may have.
	mostValues = 500
	mostText   = 200
)

// Set are the parameters there are.
type Set struct {
	lists    map[string]list
	single   map[string]func(string) error
	repeated map[string]func(string) error
}

type list struct {
	into  *[]string
	check func(words []string) error
}

// New is a set without parameters.
func New() *Set {
	return &Set{map[string]list{}, map[string]func(string) error{}, map[string]func(string) error{}}
}

// List takes values separated by commas, or given more than once. check, which
// may be nil, may change them.
func (s *Set) List(name string, into *[]string, check func(words []string) error) {
	s.lists[name] = list{into, check}
}

// One takes a value that is given once; an empty one is as if it were not given.
func (s *Set) One(name string, read func(string) error) { s.single[name] = read }

// Each takes a value that may be given more than once, and has commas of its own. Empty
// ones are as if they were not given.
func (s *Set) Each(name string, read func(string) error) { s.repeated[name] = read }

// Bool takes true or false.
func (s *Set) Bool(name string, into *bool) {
	s.One(name, func(v string) error {
		*into = v == "true"
		return OneOf(v, []string{"true", "false"})
	})
}

// Limit takes how many are wanted.
func (s *Set) Limit(name string, into *int) {
	s.One(name, func(v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > MostLimit {
			return fmt.Errorf("want a number from 1 to %d; got %q", MostLimit, v)
		}
		*into = n
		return nil
	})
}

// Text takes what is looked for.
func (s *Set) Text(name string, into *string) {
	s.One(name, func(v string) error {
		if len(v) > mostText || !utf8.ValidString(v) {
			return fmt.Errorf("want a text of at most %d bytes", mostText)
		}
		*into = v
		return nil
	})
}

// Cursor takes what the page before has as next.
func (s *Set) Cursor(name string, into *string) {
	s.One(name, func(v string) error {
		*into = v
		return nil
	})
}

// Instant takes a time, in milliseconds since 1970.
func (s *Set) Instant(name string, into *int64) {
	s.One(name, func(v string) (err error) {
		*into, err = instant(v)
		return err
	})
}

// Duration takes a time as PromQL writes it, such as 90s or 1d, or a number of
// seconds; it is at least a millisecond.
func (s *Set) Duration(name string, into *time.Duration) {
	s.One(name, func(v string) (err error) {
		*into, err = duration(v)
		return err
	})
}

// DurationWithin is Duration between two, both inclusive.
func (s *Set) DurationWithin(name string, least, most time.Duration, into *time.Duration) {
	s.One(name, func(v string) error {
		d, err := duration(v)
		if err == nil && (d < least || d > most) {
			err = fmt.Errorf("want %s to %s; got %q", model.Duration(least), model.Duration(most), v)
		}
		*into = d
		return err
	})
}

func duration(v string) (time.Duration, error) {
	d, err := model.ParseDuration(v)
	if err != nil {
		seconds, wrong := strconv.ParseFloat(v, 64)
		if wrong != nil || !(seconds > 0 && seconds < 1e9) {
			return 0, fmt.Errorf("want a duration such as 5m or 1d, or seconds; got %q", v)
		}
		d = model.Duration(seconds * float64(time.Second))
	}
	if time.Duration(d) < time.Millisecond {
		return 0, fmt.Errorf("want more than 0; got %q", v)
	}
	return time.Duration(d), nil
}

// Read reads what was given.
func (s *Set) Read(values url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		given := values[name]
		if l, ok := s.lists[name]; ok {
			if err := l.read(given); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		if read, ok := s.repeated[name]; ok {
			if err := each(given, read); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		read, ok := s.single[name]
		if !ok {
			known := slices.Concat(slices.Collect(maps.Keys(s.lists)), slices.Collect(maps.Keys(s.single)), slices.Collect(maps.Keys(s.repeated)))
			return fmt.Errorf("unknown parameter %q; there are %s", name, strings.Join(slices.Sorted(slices.Values(known)), ", "))
		}
		if len(given) > 1 {
			return fmt.Errorf("%s: want it once; got it %d times", name, len(given))
		}
		if given[0] == "" {
			continue
		}
		if err := read(given[0]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func each(given []string, read func(string) error) error {
	for _, v := range given {
		if v == "" {
			continue
		}
		if err := read(v); err != nil {
			return err
		}
	}
	return nil
}

func (l list) read(given []string) error {
	for _, v := range given {
		for one := range strings.SplitSeq(v, ",") {
			if one != "" {
				*l.into = append(*l.into, one)
			}
		}
	}
	if len(*l.into) > mostValues {
		return fmt.Errorf("want at most %d values; got %d", mostValues, len(*l.into))
	}
	if l.check == nil {
		return nil
	}
	return l.check(*l.into)
}

// Order says what is wrong with two times that bound something.
func Order(from, to int64) error {
	if from != 0 && to != 0 && from >= to {
		return errors.New("from: want a time before to, which is exclusive; nothing can be between them")
	}
	return nil
}

// Words refuses values of a filter that are not among those that there are.
func Words(there []string) func([]string) error {
	return func(words []string) error {
		for _, word := range words {
			if err := OneOf(strings.TrimPrefix(word, filter.Not), there); err != nil {
				return err
			}
		}
		return nil
	}
}

// OneOf refuses a word that is not there.
func OneOf(word string, there []string) error {
	if slices.Contains(there, word) {
		return nil
	}
	hint := ""
	if near := strict.Nearest(word, there); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	return fmt.Errorf("want one of %s%s; got %q", strings.Join(there, ", "), hint, word)
}

// instant reads what the Prometheus API takes, RFC 3339 or seconds, and
// milliseconds as well.
func instant(v string) (ms int64, err error) {
	if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
		return t.UnixMilli(), nil
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > 1e15 {
		return 0, fmt.Errorf("want a time such as 2026-05-01T08:00:00+08:00, or seconds since 1970; got %q", v)
	}
	if math.Abs(n) >= 1e11 {
		return int64(n), nil
	}
	return int64(n * 1000), nil
}
