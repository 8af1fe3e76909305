package detector

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	anomaly "github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/internal/config/strict"
)

// Set is what detector files hold. It never changes after Load, and may be used
// by several goroutines.
type Set struct {
	files     []string
	detectors []*Detector
}

// Detectors are in the order of the files.
func (s *Set) Detectors() []*Detector { return s.detectors }

// Files are paths as the globs gave them, or embedded:NAME.
func (s *Set) Files() []string { return s.files }

// embedded marks the names of files that are not on disk.
const embedded = "embedded:"

// source is a file that has been read.
type source struct {
	name    string
	content []byte
}

// Load reads and checks the detector files that the globs match, or, where no
// glob is given, every *.yml and *.yaml at the top of fallback (which may be
// nil). Relative globs start at the working directory. A glob that matches no
// file is an error. kinds are the models that there are; zone is that by whose
// clocks they learn days and weeks, nil: UTC.
//
// All mistakes in all files are reported at once, joined; what lies in files is
// strict.Problems. Where there is an error there is no Set.
func Load(globs []string, fallback fs.FS, kinds []anomaly.Kind, zone *time.Location) (*Set, error) {
	sources, err := readAll(globs, fallback)
	s := &Set{}
	var problems strict.Problems
	places := map[string]string{} // of names
	for _, src := range sources {
		s.files = append(s.files, src.name)
		file := strict.NewFile(src.name)
		p := parser{file: file, kinds: kinds, zone: zone, places: places}
		s.detectors = append(s.detectors, p.parse(src.content)...)
		problems = append(problems, file.Problems()...)
	}
	if len(problems) > 0 {
		err = errors.Join(err, problems)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func readAll(globs []string, fallback fs.FS) ([]source, error) {
	if len(globs) == 0 {
		return readEmbedded(fallback)
	}
	var (
		sources []source
		errs    []error
		seen    = map[string]bool{}
	)
	for _, glob := range globs {
		paths, err := match(glob)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, p := range paths {
			if p = filepath.Clean(p); seen[p] {
				continue
			}
			seen[p] = true
			content, err := os.ReadFile(p)
			if err != nil {
				errs = append(errs, fmt.Errorf("reading a detector file: %w", err))
				continue
			}
			sources = append(sources, source{p, content})
		}
	}
	return sources, errors.Join(errs...)
}

// match lists the files that a glob matches, without directories.
func match(glob string) ([]string, error) {
	paths, err := filepath.Glob(glob)
	if err != nil {
		return nil, fmt.Errorf("detectors: %q is no glob: %w; write a path such as detectors/*.yml", glob, err)
	}
	paths = slices.DeleteFunc(paths, func(p string) bool {
		info, err := os.Stat(p)
		return err == nil && info.IsDir()
	})
	if len(paths) == 0 {
		return nil, fmt.Errorf("detectors: no file matches %q; name a detector file, or leave detectors out", glob)
	}
	return paths, nil
}

func readEmbedded(fsys fs.FS) ([]source, error) {
	if fsys == nil {
		return nil, nil
	}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("listing the default detectors: %w", err)
	}
	var sources []source
	for _, entry := range entries {
		if ext := path.Ext(entry.Name()); entry.IsDir() || (ext != ".yml" && ext != ".yaml") {
			continue
		}
		content, err := fs.ReadFile(fsys, entry.Name())
		if err != nil {
			return nil, fmt.Errorf("reading the default detectors: %w", err)
		}
		sources = append(sources, source{embedded + entry.Name(), content})
	}
	return sources, nil
}
