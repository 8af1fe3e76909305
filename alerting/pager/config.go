package pager

import (
	_ "embed"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/matcher/compat"
)

//go:embed default.yml
var defaultConfig string

// defaultName is what messages call the embedded configuration.
const defaultName = "default.yml"

// parsers sets upstream's parsers of matchers and label names, which live in package variables, to what Alertmanager
// has without feature flags. They are the same for every Pager in the process.
//
//nolint:gochecknoglobals // guards upstream's package variables
var parsers sync.Once

// loadConfig reads a configuration and returns its text too; "" is the embedded one. Its errors say file and line,
// one a line.
func loadConfig(path string) (*config.Config, string, error) {
	parsers.Do(func() { compat.InitFromFlags(slog.New(slog.DiscardHandler), featurecontrol.NoopFlags{}) })
	if path == "" {
		conf, err := config.Load(defaultConfig)
		if err != nil {
			return nil, "", locate(defaultName, defaultConfig, err)
		}
		return conf, defaultConfig, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("read pager configuration: %w", err)
	}
	// Only LoadFile resolves the paths in it, so it reads the file once more.
	conf, err := config.LoadFile(path)
	if err != nil {
		return nil, "", locate(path, string(text), err)
	}
	return conf, string(text), nil
}
