// Command generate writes the dashboards into the directory that it is run in.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/belfry-city/belfry/dashboards"
)

func main() {
	if err := write("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(root string) error {
	files, err := dashboards.Generate()
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // files of the repository
			return fmt.Errorf("write the dashboards: %w", err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // as above
			return fmt.Errorf("write the dashboards: %w", err)
		}
	}
	return nil
}
