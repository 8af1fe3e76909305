package parking

import (
	"log/slog"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/storage"

	"github.com/belfry-city/belfry/collector/reading"
)

// Store is what the tracker asks of the database.
type Store interface {
	storage.Appendable
	Querier(mint, maxt int64) (storage.Querier, error)
}

// Options of a Tracker. Store, Metrics and Logger are required.
type Options struct {
	Store   Store
	Metrics *metrics.Set
	Logger  *slog.Logger

	// Source is that of bays whose readings have no label source; geomagnetic.
	Source string
	// Grace is how long two sources of a bay may differ before that is a
	// disagreement; 2 min.
	Grace time.Duration
	// ShortestStay is how long a bay is taken at least for it to count as a stay.
	// 0: every stay counts.
	ShortestStay time.Duration
	// Forget is how long a bay may be silent before nothing is derived from it any
	// more; 30 days.
	Forget time.Duration
	// Late and Early are the store's: what it does not take is not counted.
	// 24 h, 10 min.
	Late, Early time.Duration
	// Redact returns the labels of a series without what may not be kept, in the
	// memory of labels; of a series that it refuses nothing is derived. nil keeps
	// all.
	Redact func(labels []reading.Label) ([]reading.Label, error)
	// Now is the clock; time.Now.
	Now func() time.Time

	maxPlaces int // bays and car parks that are tracked
}

const (
	// refreshInterval is how often the series of taken bays get a sample. It stays
	// well below the lookback of a query.
	refreshInterval = time.Minute
	// checkInterval is how often disagreements are looked for.
	checkInterval = time.Second
	// defaultPlaces is some times the bays of a large city.
	defaultPlaces = 500_000
)

func (o Options) withDefaults() Options {
	setDefault(&o.Source, "geomagnetic")
	setDefault(&o.Grace, 2*time.Minute)
	setDefault(&o.Forget, 30*24*time.Hour)
	setDefault(&o.Late, 24*time.Hour)
	setDefault(&o.Early, 10*time.Minute)
	setDefault(&o.maxPlaces, defaultPlaces)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Redact == nil {
		o.Redact = func(labels []reading.Label) ([]reading.Label, error) { return labels, nil }
	}
	return o
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// The series that are read and derived.
const (
	bayOccupied = "parking_bay_occupied"
	baySince    = "parking_bay_occupied_since_timestamp_seconds"
	bayStays    = "parking_bay_stays_total"
	bayDiffer   = "parking_bay_disagreement"
	staySeconds = "parking_stay_seconds"
	lotCapacity = "parking_lot_capacity"
	lotOccupied = "parking_lot_occupied"
	lotFree     = "parking_lot_available"
	lotRatio    = "parking_lot_occupancy_ratio"
)

// sourceHandheld is the source that looks once and then goes on. All others are
// taken to watch all the time.
const sourceHandheld = "handheld"

// sourceBays is the source of a car park's ratio that was counted from its bays.
const sourceBays = "bays"
