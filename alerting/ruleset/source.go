package ruleset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// embedded marks the names of files that are not on disk.
const embedded = "embedded:"

func readAll(globs []string, fallback fs.FS) ([]*file, error) {
	if len(globs) == 0 {
		return readEmbedded(fallback)
	}
	var (
		files []*file
		errs  []error
		seen  = map[string]bool{}
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
				errs = append(errs, fmt.Errorf("reading a rule file: %w", err))
				continue
			}
			files = append(files, newFile(p, content))
		}
	}
	return files, errors.Join(errs...)
}

// match lists the files that a glob matches, without directories.
func match(glob string) ([]string, error) {
	paths, err := filepath.Glob(glob)
	if err != nil {
		return nil, fmt.Errorf("rules: %q is no glob: %w; write a path such as rules/*.yml", glob, err)
	}
	paths = slices.DeleteFunc(paths, func(p string) bool {
		info, err := os.Stat(p)
		return err == nil && info.IsDir()
	})
	if len(paths) == 0 {
		return nil, fmt.Errorf("rules: no file matches %q; name a rule file, or leave rules out for the default rules", glob)
	}
	return paths, nil
}

func readEmbedded(fsys fs.FS) ([]*file, error) {
	if fsys == nil {
		return nil, nil
	}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("listing the default rules: %w", err)
	}
	var files []*file
	for _, entry := range entries {
		if ext := path.Ext(entry.Name()); entry.IsDir() || (ext != ".yml" && ext != ".yaml") {
			continue
		}
		content, err := fs.ReadFile(fsys, entry.Name())
		if err != nil {
			return nil, fmt.Errorf("reading the default rules: %w", err)
		}
		files = append(files, newFile(embedded+entry.Name(), content))
	}
	return files, nil
}
