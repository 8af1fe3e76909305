package files

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

// File is a file that has been read.
type File struct {
	// Name is the path as the glob gave it, or embedded:NAME.
	Name    string
	Content []byte
}

// Kind is what files are for, in the words of messages.
type Kind struct {
	// Key is that of the configuration, such as rules; One is what a file is, such
	// as a rule file.
	Key, One string
	// Remedy says what to do where a glob matches nothing.
	Remedy string
}

// Read reads the files that the globs match, each once, or, where no glob is
// given, every *.yml and *.yaml at the top of fallback (which may be nil).
// Relative globs start at the working directory. A glob that matches no file is
// an error. Those that could be read are returned besides the error.
func (k Kind) Read(globs []string, fallback fs.FS) ([]File, error) {
	if len(globs) == 0 {
		return k.readEmbedded(fallback)
	}
	var (
		files []File
		errs  []error
		seen  = map[string]bool{}
	)
	for _, glob := range globs {
		paths, err := k.match(glob)
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
				errs = append(errs, fmt.Errorf("reading %s: %w", k.One, err))
				continue
			}
			files = append(files, File{p, content})
		}
	}
	return files, errors.Join(errs...)
}

// match lists the files that a glob matches, without directories.
func (k Kind) match(glob string) ([]string, error) {
	paths, err := filepath.Glob(glob)
	if err != nil {
		return nil, fmt.Errorf("%s: %q is no glob: %w; write a path such as %s/*.yml", k.Key, glob, err, k.Key)
	}
	paths = slices.DeleteFunc(paths, func(p string) bool {
		info, err := os.Stat(p)
		return err == nil && info.IsDir()
	})
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no file matches %q; %s", k.Key, glob, k.Remedy)
	}
	return paths, nil
}

func (k Kind) readEmbedded(fsys fs.FS) ([]File, error) {
	if fsys == nil {
		return nil, nil
	}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("listing the default %s: %w", k.Key, err)
	}
	var files []File
	for _, entry := range entries {
		if ext := path.Ext(entry.Name()); entry.IsDir() || (ext != ".yml" && ext != ".yaml") {
			continue
		}
		content, err := fs.ReadFile(fsys, entry.Name())
		if err != nil {
			return nil, fmt.Errorf("reading the default %s: %w", k.Key, err)
		}
		files = append(files, File{embedded + entry.Name(), content})
	}
	return files, nil
}
