package assetapi

import (
	"context"
	"sync"
	"time"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/collector/catalog"
)

// state is how an asset is; the greater, the worse.
type state int

const (
	ok state = iota
	info
	warning
	critical
)

func stateNames() []string { return []string{"ok", "info", catalog.Warning, catalog.Critical} }

func (s state) String() string { return stateNames()[s] }

// ofSeverity counts words that Belfry has none for as the least.
func ofSeverity(severity string) state {
	switch severity {
	case catalog.Critical:
		return critical
	case catalog.Warning:
		return warning
	}
	return info
}

// open are how many hazards of an asset are open, by state.
type open [critical + 1]int32

func (o open) worst() state {
	for s := critical; s > ok; s-- {
		if o[s] > 0 {
			return s
		}
	}
	return ok
}

const (
	// slow is what reading the open hazards may take each time that one changes. What
	// takes longer, while thousands are opened, is followed by a rest of restAfter times
	// as long, which the wall hardly shows.
	slow        = 20 * time.Millisecond
	restAfter   = 2
	longestRest = time.Second
)

// states knows the hazards that are open now, of all assets, for as long as nothing
// changes.
type states struct {
	hazards Hazards

	mu     sync.Mutex
	newest int64
	rest   time.Time       // until when what is known will do
	byID   map[string]open // is replaced, and not changed
}

// get are the states at a time, in milliseconds; 0: now.
func (s *states) get(ctx context.Context, at int64) (map[string]open, error) {
	if at != 0 {
		return s.read(ctx, at)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, newest := s.hazards.Extent() // before it is read
	began := time.Now()
	if s.byID != nil && (newest == s.newest || began.Before(s.rest)) {
		return s.byID, nil
	}
	byID, err := s.read(ctx, 0)
	if err != nil {
		return nil, err
	}
	s.byID, s.newest = byID, newest
	if took := time.Since(began); took > slow {
		s.rest = time.Now().Add(min(restAfter*took, longestRest))
	}
	return byID, nil
}

func (s *states) read(ctx context.Context, at int64) (map[string]open, error) {
	byID := map[string]open{}
	err := s.hazards.OpenAt(ctx, hazard.Instant(at), func(asset, severity string, count int) {
		o := byID[asset]
		o[ofSeverity(severity)] += int32(count)
		byID[asset] = o
	})
	return byID, err
}
