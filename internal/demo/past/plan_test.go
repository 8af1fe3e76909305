package past

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/loadtest/city"
)

var noon = time.Date(2026, 6, 3, 4, 0, 0, 0, time.UTC)

func build(t *testing.T) *city.City {
	c, err := city.New(city.Options{Seed: 1, Scale: 0.05, Mix: city.Whole()})
	require.NoError(t, err)
	return c
}

// The past has to be one that the default rules could have told.
func TestEveryTaleIsToldByItsRule(t *testing.T) {
	words, err := newAlerter(catalog.Empty())
	require.NoError(t, err)
	c := build(t)
	for _, tale := range tales() {
		rule, ok := words.rules[tale.rule]
		require.True(t, ok, tale.rule)
		require.Contains(t, rule.Expr.String(), tale.metric)
		require.NotEmpty(t, c.Suited(tale.fault), tale.rule)
		if tale.metric == "device_silent" || strings.HasPrefix(tale.metric, "parking_lot_fill") {
			continue // which is not what the fault's peak is of
		}
		peak := tale.peak
		if peak == 0 {
			peak = c.DefaultPeak(tale.fault, c.Suited(tale.fault)[0])
		}
		if tale.direction == "above" {
			require.Greater(t, peak, tale.limit, tale.rule)
		} else {
			require.Less(t, peak, tale.limit, tale.rule)
		}
	}
}

func TestNoAssetHasTwoIncidentsAtOneTime(t *testing.T) {
	all, err := plan(build(t), noon, 1, func(*city.Asset) bool { return true })
	require.NoError(t, err)
	require.Greater(t, len(all), 100)
	over := map[string]time.Time{}
	again := map[string]int{}
	open, repeats := 0, 0
	for _, i := range all {
		require.True(t, i.from.Before(noon))
		require.False(t, i.from.Before(over[i.asset()]), "%s of %s", i.rule, i.asset())
		over[i.asset()] = i.to
		if again[i.rule+" "+i.asset()]++; again[i.rule+" "+i.asset()] > 1 {
			repeats++
		}
		if i.to.IsZero() {
			open++
			over[i.asset()] = noon
		} else {
			require.True(t, i.to.Before(noon))
		}
	}
	require.Equal(t, len(stillOpen()), open)
	require.Greater(t, repeats, 10, "a review has something to find")
}
