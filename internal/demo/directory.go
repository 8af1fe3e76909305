package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// directory is where a demo keeps its data.
type directory struct {
	path string
	kept bool
}

// openDirectory makes sure that there is a directory that can be written to: the
// one that is named, or a temporary one.
func openDirectory(named string) (directory, error) {
	if named == "" {
		path, err := os.MkdirTemp("", "belfry-demo-")
		if err != nil {
			return directory{}, fmt.Errorf("cannot make a directory for the demo's data in %s: %w; name another one by --data-dir",
				os.TempDir(), reason(err))
		}
		return directory{path: path}, nil
	}
	d := directory{path: named, kept: true}
	if err := os.MkdirAll(named, 0o755); err != nil {
		return directory{}, d.unusable(err)
	}
	probe, err := os.CreateTemp(named, ".writable-")
	if err != nil {
		return directory{}, d.unusable(err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return directory{}, d.unusable(err)
	}
	return d, nil
}

func (d directory) unusable(err error) error {
	return fmt.Errorf("cannot write to %s: %w; name another directory by --data-dir, or none for a temporary one", d.path, reason(err))
}

// reason leaves out the path, which the message says already.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// remove deletes a temporary directory.
func (d directory) remove() error {
	if d.kept {
		return nil
	}
	if err := os.RemoveAll(d.path); err != nil {
		return fmt.Errorf("remove the demo's data: %w", err)
	}
	return nil
}
