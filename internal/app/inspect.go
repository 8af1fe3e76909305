package app

import (
	"errors"
	"log/slog"
	"maps"
	"os"

	"github.com/VictoriaMetrics/metrics"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/internal/config"
)

// Inspect reads and checks what the inputs of a configuration and its external
// Alertmanagers consist of, as New does, without opening anything. The decoders are those of messages by name,
// for looking at what they make of some; they count in set. With an error there
// may be some of them.
func Inspect(c *config.Config, assets *catalog.Catalog, set *metrics.Set) (map[string]input.Decoder, error) {
	a := newApp(Options{Config: c, Logger: slog.New(slog.DiscardHandler), Metrics: set})
	a.catalog.Store(assets)
	nowhere := *c
	nowhere.DataDir = os.DevNull
	a.newCameras(&nowhere) // knows no camera
	known, err := a.readDecoders(c)
	a.decoders.Store(&known)
	_, jobs := readScrape(c)
	_, targets := readExternal(c)
	return maps.Clone(known), errors.Join(err, checkTopics(c, known), checkMQTT(c), jobs, targets)
}
