package picture_test

import (
	"bytes"
	"image/jpeg"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/internal/demo/picture"
)

func TestAPictureIsSmallAndShowsWhereTheThingIs(t *testing.T) {
	noon := time.Date(2026, 6, 3, 12, 0, 0, 0, time.UTC)
	seen := map[string]bool{}
	for i, domain := range catalog.Domains() {
		s := picture.Scene{Camera: "C00001", Kind: "road_pothole", Domain: domain, Time: noon.Add(time.Duration(i) * 2 * time.Hour), Seed: uint64(i)}
		data, box, err := picture.Draw(s)
		require.NoError(t, err)
		require.Less(t, len(data), 32<<10)
		img, err := jpeg.Decode(bytes.NewReader(data))
		require.NoError(t, err)
		require.Equal(t, picture.Width, img.Bounds().Dx())
		require.Equal(t, picture.Height, img.Bounds().Dy())
		for _, v := range []float64{box.X, box.Y, box.X + box.Width, box.Y + box.Height} {
			require.Positive(t, v)
			require.Less(t, v, 1.0)
		}
		again, _, err := picture.Draw(s)
		require.NoError(t, err)
		require.Equal(t, data, again, "equal scenes, equal pictures")
		require.False(t, seen[string(data)])
		seen[string(data)] = true
	}
}
