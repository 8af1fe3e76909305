package past

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/belfry-city/belfry/alerting/anomaly/detector"
	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input/camera"
	"github.com/belfry-city/belfry/loadtest/city"
)

// Options of a past. All are required but Detectors and Free.
type Options struct {
	// Dir is a data directory that no Belfry has open.
	Dir string
	// City is told of what has gone wrong in it, so it must not be read meanwhile.
	City    *city.City
	Catalog *catalog.Catalog
	Kinds   *camera.Kinds
	// Detectors say what would have been unusual.
	Detectors *detector.Set
	// Until is when the past ends.
	Until time.Time
	Seed  uint64
	// Sightings are what cameras saw, the oldest first.
	Sightings []Sighting
	// Free says of which assets something may be wrong still; nil: of all.
	Free func(*city.Asset) bool
}

// Length is how far readings reach back, LandmarkLength those of some assets of
// each kind, and JudgedLength what models say of a few.
const (
	Length         = 24 * time.Hour
	JudgedLength   = 3 * 24 * time.Hour
	LandmarkLength = 7 * 24 * time.Hour
)

// Write writes a past into a data directory, unless there is one already. It
// returns the assets of which something is wrong still.
func Write(ctx context.Context, o Options) (busy []string, err error) {
	if o.Free == nil {
		o.Free = func(*city.Asset) bool { return true }
	}
	has, err := used(o.Dir)
	if err != nil || has {
		return nil, err
	}
	words, err := newAlerter(o.Catalog)
	if err != nil {
		return nil, err
	}
	wrong, err := plan(o.City, o.Until, o.Seed, o.Free)
	if err != nil {
		return nil, err
	}
	all, err := seenDangers(o, words)
	if err != nil {
		return nil, err
	}
	for i := range wrong {
		w := &wrong[i]
		all = append(all, w)
		if w.to.IsZero() {
			busy = append(busy, w.asset())
		}
		if !w.to.IsZero() && w.to.Before(o.Until.Add(-LandmarkLength)) {
			continue
		}
		if _, err := o.City.Schedule(*w.fault); err != nil {
			return nil, fmt.Errorf("the demo's past: %w", err)
		}
	}
	work := pool.New().WithContext(ctx).WithCancelOnError()
	work.Go(func(ctx context.Context) error { return writeHazards(ctx, o, words, all) })
	work.Go(func(ctx context.Context) error { return writeEvents(ctx, o, o.Kinds) })
	work.Go(func(ctx context.Context) error { return writeSamples(ctx, o) })
	return busy, work.Wait()
}

// used says whether a Belfry has been at work in a directory.
func used(dir string) (bool, error) {
	for _, name := range []string{"tsdb", "hazards", "events"} {
		_, err := os.Stat(filepath.Join(dir, name))
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("look for data of before: %w", err)
		}
	}
	return false, nil
}
