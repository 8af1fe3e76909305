package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// Load reads all files, by their names as CSV (.csv) or as YAML (any other).
// The error is strict.Problems and holds everything that is wrong in any of
// them.
func Load(paths []string) (*Catalog, error) {
	var (
		problems strict.Problems
		all      = newMerger()
	)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			var reason *fs.PathError
			if errors.As(err, &reason) {
				err = reason.Err
			}
			problems = append(problems, strict.Problem{File: path, Text: fmt.Sprintf("want a file that can be read: %v", err)})
			continue
		}
		problems = append(problems, all.read(path, data)...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return build(all.assets), nil
}

// Parse is Load for one file that is called name.
func Parse(name string, data []byte) (*Catalog, error) {
	all := newMerger()
	if problems := all.read(name, data); len(problems) > 0 {
		return nil, problems
	}
	return build(all.assets), nil
}

// merger joins what the files hold, in which every id may appear once.
type merger struct {
	assets   []*Asset
	ids      map[string]origin
	external map[externalID]origin
	words    map[string]string
}

func newMerger() *merger {
	return &merger{ids: map[string]origin{}, external: map[externalID]origin{}, words: map[string]string{}}
}

// origin is where something was said first.
type origin struct {
	file string
	line int
}

func (o origin) String() string { return fmt.Sprintf("%s:%d", o.file, o.line) }

func (m *merger) read(name string, data []byte) strict.Problems {
	file := strict.NewFile(name)
	var entries []entry
	if strings.EqualFold(filepath.Ext(name), ".csv") {
		entries = readCSV(file, data)
	} else {
		entries = readYAML(file, data)
	}
	m.assets = append(make([]*Asset, 0, len(m.assets)+len(entries)), m.assets...)
	for i := range entries {
		m.add(file, &entries[i])
	}
	return file.Problems()
}

func (m *merger) add(file *strict.File, e *entry) {
	here := origin{file.Name(), e.line}
	if e.ID != "" {
		if first, taken := m.ids[e.ID]; taken {
			file.Refuse(e.line, "id: want an id of its own; %s is already at %s", strict.Quote(e.ID), first)
			return
		}
		m.ids[e.ID] = here
	}
	for kind, id := range e.External {
		key := externalID{kind, id}
		if first, taken := m.external[key]; taken {
			file.Refuse(e.line, "external.%s: want an id of its own; %s is already at %s", kind, strict.Quote(id), first)
			continue
		}
		m.external[key] = here
	}
	m.share(&e.Asset)
	m.assets = append(m.assets, &e.Asset)
}

// share keeps one copy of each word that many assets have in common.
func (m *merger) share(a *Asset) {
	for _, field := range []*string{&a.Domain, &a.Kind, &a.District, &a.Street, &a.Community, &a.Team} {
		m.shareWord(field)
	}
	for i := range a.Thresholds {
		t := &a.Thresholds[i]
		m.shareWord(&t.Metric)
		m.shareWord(&t.Direction)
		m.shareWord(&t.Level)
	}
}

func (m *merger) shareWord(field *string) {
	if kept, ok := m.words[*field]; ok {
		*field = kept
		return
	}
	m.words[*field] = *field
}
