package ruletest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// Find replaces directories by the files of tests in them and below: *.yml and
// *.yaml with the key tests at the top. Files that are named are taken as they
// are.
func Find(paths []string) (files []string, err error) {
	var errs []error
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			files = append(files, path) // whoever reads it says what is wrong
			continue
		}
		before := len(files)
		err = filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if ext := filepath.Ext(path); !entry.IsDir() && (ext == ".yml" || ext == ".yaml") && hasTests(path) {
				files = append(files, path)
			}
			return nil
		})
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: looking for files of tests: %w", path, err))
		case len(files) == before:
			errs = append(errs, fmt.Errorf("%s: want a directory with files of tests; no *.yml or *.yaml in it or below has the key tests at its top", path))
		}
	}
	var once []string
	for _, f := range files {
		if !slices.Contains(once, f) {
			once = append(once, f)
		}
	}
	return once, errors.Join(errs...)
}

// hasTests also finds the key where the file is no YAML, so that the mistake is
// reported when it is run.
func hasTests(path string) bool {
	data, err := os.ReadFile(path)
	return err != nil || regexp.MustCompile(`(?m)^["']?tests["']?[ \t]*:`).Match(data)
}
