package city_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/loadtest/city"
)

func TestTheCatalogReadsWhatTheCityWrites(t *testing.T) {
	c := build(t, city.Options{Seed: 1, Scale: 0.02})
	for name, write := range map[string]func(io.Writer) error{
		"city.yml": c.WriteCatalogYAML,
		"city.csv": c.WriteCatalogCSV,
	} {
		path := filepath.Join(t.TempDir(), name)
		f, err := os.Create(path)
		require.NoError(t, err)
		require.NoError(t, write(f))
		require.NoError(t, f.Close())

		got, err := catalog.Load([]string{path})
		require.NoError(t, err)
		require.Equal(t, len(c.Assets()), got.Len())
		for i, want := range c.Assets() {
			a := got.Assets()[i]
			require.InDelta(t, want.Lat, a.Lat, 1e-6)
			require.InDelta(t, want.Lon, a.Lon, 1e-6)
			require.ElementsMatch(t, thresholds(want), a.Thresholds)
			require.Equal(t, catalog.Asset{
				ID: want.ID, Domain: want.Domain, Kind: string(want.Kind), Name: want.Name, NameZH: want.NameZH,
				District: want.District, Street: want.Street, Community: want.Community, Team: want.Team,
				Lat: a.Lat, Lon: a.Lon, External: want.External, ExpectedInterval: want.Interval,
				Thresholds: a.Thresholds,
			}, *a, name)
		}
	}
}

func thresholds(a *city.Asset) (out []catalog.Threshold) {
	for _, t := range a.Thresholds {
		out = append(out, catalog.Threshold(t))
	}
	return out
}
