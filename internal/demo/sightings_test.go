package demo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input/camera"
	"github.com/belfry-city/belfry/internal/config"
)

func TestWhatCamerasSeeIsWhatBelfryKnows(t *testing.T) {
	kinds, err := camera.KindsOf(config.Default().Inputs.Camera)
	require.NoError(t, err)
	first := map[string]bool{}
	severities := map[string]bool{}
	for i, s := range sightings() {
		k, ok := kinds.Get(s.kind)
		require.True(t, ok, s.kind)
		require.Equal(t, k.Domain, s.domain, s.kind)
		require.Equal(t, k.Severity, s.severity, s.kind)
		if i < firstSights {
			first[s.domain] = true
		}
		severities[s.severity] = true
	}
	require.Len(t, first, len(catalog.Domains()), "soon there is something of each domain")
	require.Len(t, severities, 3)
}
