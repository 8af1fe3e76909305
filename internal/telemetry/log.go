package telemetry

import (
	"io"
	"log/slog"

	"github.com/belfry-city/belfry/internal/config"
)

// NewLogger writes one line per record to w, as logfmt or JSON, and leaves out
// what is below the level. Writes to w are serialised.
func NewLogger(w io.Writer, c config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
