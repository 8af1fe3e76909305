package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/storage"
)

// selfInterval is how often Belfry stores its own metrics.
const selfInterval = 10 * time.Second

// selfMetrics stores what /metrics shows, as job="belfry".
type selfMetrics struct {
	write    func(io.Writer) error
	store    storage.Appendable
	instance string
	logger   *slog.Logger

	buf     bytes.Buffer
	symbols *labels.SymbolTable
}

func (m *selfMetrics) run(ctx context.Context) {
	tick := time.NewTicker(selfInterval)
	defer tick.Stop()
	for {
		if err := m.once(ctx, time.Now()); err != nil && ctx.Err() == nil {
			m.logger.Debug("storing own metrics", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (m *selfMetrics) once(ctx context.Context, now time.Time) error {
	m.buf.Reset()
	if err := m.write(&m.buf); err != nil {
		return fmt.Errorf("gather own metrics: %w", err)
	}
	if m.symbols == nil {
		m.symbols = labels.NewSymbolTable()
	}
	app := m.store.Appender(ctx)
	if err := m.appendAll(app, now.UnixMilli()); err != nil {
		return errors.Join(err, app.Rollback())
	}
	if err := app.Commit(); err != nil {
		return fmt.Errorf("store own metrics: %w", err)
	}
	return nil
}

func (m *selfMetrics) appendAll(app storage.Appender, t int64) error {
	p := textparse.NewPromParser(m.buf.Bytes(), m.symbols, false)
	builder := labels.NewBuilder(labels.EmptyLabels())
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read own metrics: %w", err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		_, _, v := p.Series()
		var lset labels.Labels
		p.Labels(&lset)
		builder.Reset(lset)
		builder.Set("job", "belfry").Set("instance", m.instance)
		if _, err := app.Append(0, builder.Labels(), t, v); err != nil {
			return fmt.Errorf("store own metrics: %w", err)
		}
	}
}
