package demo

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/rules"
)

// writeDetectors writes the detectors that Belfry brings along into a directory of
// the demo's, and returns the pattern that names them. They store the band as well,
// which takes two more series for each that is watched, for walls that draw it.
func writeDetectors(dir string) (pattern string, err error) {
	const without, with = "outputs: [score, expected]", "outputs: [score, expected, lower, upper]"
	to := filepath.Join(dir, "detectors")
	if err := os.MkdirAll(to, 0o750); err != nil {
		return "", fmt.Errorf("make the demo's detectors: %w", err)
	}
	from := rules.Detectors()
	files, err := fs.Glob(from, "*.yml")
	if err != nil {
		return "", fmt.Errorf("make the demo's detectors: %w", err)
	}
	for _, name := range files {
		text, err := fs.ReadFile(from, name)
		if err != nil {
			return "", fmt.Errorf("make the demo's detectors: %w", err)
		}
		banded := strings.ReplaceAll(string(text), without, with)
		if err := os.WriteFile(filepath.Join(to, name), []byte(banded), 0o600); err != nil {
			return "", fmt.Errorf("make the demo's detectors: %w", err)
		}
	}
	return filepath.Join(config.LiteralGlob(to), "*.yml"), nil
}
