package city_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/loadtest/city"
)

var noon = time.Date(2026, 6, 3, 4, 0, 0, 0, time.UTC) // a Wednesday, 12:00 in Chongqing

func build(t require.TestingT, opt city.Options) *city.City {
	c, err := city.New(opt)
	require.NoError(t, err)
	return c
}

func TestADistrictHasTheSeriesOfTheBenchmark(t *testing.T) {
	c := build(t, city.Options{Seed: 1})
	perMetric := map[string]int{}
	for _, s := range c.Streams() {
		for i := range s.Fields {
			perMetric[s.Metric(i)]++
		}
	}
	require.Equal(t, 87_500, c.Series())
	for _, m := range []string{"occupied", "occupied_since_timestamp_seconds", "arrivals_total"} {
		require.Equal(t, 24_000, perMetric["parking_bay_"+m])
	}
	for _, m := range []string{"gas_ch4_lel_percent", "gas_h2s_ppm", "gas_co_ppm", "gas_o2_percent", "well_level_m"} {
		require.Equal(t, 1_500, perMetric[m])
	}
	require.Equal(t, 3_000, perMetric["device_battery_volts"])
	require.Equal(t, 2_000, perMetric["camera_up"])
	require.Equal(t, 600, perMetric["structure_strain_microstrain"])
}

func TestAStreamOfTheFirstFieldsSaysWhatTheWholeOneSays(t *testing.T) {
	c := build(t, city.Options{Seed: 1, Scale: 0.01})
	well := c.StreamsOf("W00001")[0]
	_, err := c.Schedule(city.Fault{Kind: city.GasLeak, Asset: "W00001", Onset: noon})
	require.NoError(t, err)
	_, err = c.Schedule(city.Fault{Kind: city.OxygenLoss, Asset: "W00001", Onset: noon})
	require.NoError(t, err)
	for n := 1; n <= len(well.Fields); n++ {
		fewer := well.First(n)
		require.Equal(t, well.Fields[:n], fewer.Fields)
		for at := noon.Add(-time.Minute); at.Before(noon.Add(time.Minute)); at = at.Add(10 * time.Second) {
			all, _ := well.Read(at, nil)
			some, ok := fewer.Read(at, []float64{7})
			require.True(t, ok)
			require.Equal(t, append([]float64{7}, all[:n]...), some)
		}
	}
}

func TestEqualSeedsMakeEqualCities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opt := city.Options{Seed: rapid.Uint64().Draw(t, "seed"), Scale: 0.005}
		at := time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "at"))
		a, b := build(t, opt), build(t, opt)
		require.Equal(t, a.Assets(), b.Assets())
		for i, s := range a.Streams() {
			x, ok := s.Read(at, nil)
			require.True(t, ok)
			require.Len(t, x, len(s.Fields))
			y, _ := b.Streams()[i].Read(at, nil)
			require.Equal(t, x, y)
			for _, v := range x {
				require.False(t, math.IsNaN(v) || math.IsInf(v, 0), "%s of %s", s.Measurement, s.Asset.ID)
			}
		}
	})
}

func TestAnotherSeedIsAnotherCity(t *testing.T) {
	a, b := build(t, city.Options{Seed: 1, Scale: 0.01}), build(t, city.Options{Seed: 2, Scale: 0.01})
	require.NotEqual(t, a.Assets(), b.Assets())
	require.NotEqual(t, readAll(a, noon), readAll(b, noon))
}

func readAll(c *city.City, at time.Time) (values []float64) {
	for _, s := range c.Streams() {
		values, _ = s.Read(at, values)
	}
	return values
}

func TestASmallCityHasSomethingForEveryFault(t *testing.T) {
	c := build(t, city.Options{Seed: 1, Scale: 0.01, Mix: city.Whole()})
	for _, kind := range city.FaultKinds() {
		require.NotEmpty(t, c.Suited(kind), kind)
	}
}

func TestArrivalsOnlyGrowAndAgreeWithOccupancy(t *testing.T) {
	c := build(t, city.Options{Seed: 3, Scale: 0.002})
	for _, s := range c.Streams() {
		if s.Measurement != "parking_bay" {
			continue
		}
		last, _ := s.Read(noon, nil)
		for at := noon; at.Before(noon.Add(36 * time.Hour)); at = at.Add(time.Minute) {
			now, _ := s.Read(at, nil)
			occupied, since, arrivals := now[0], now[1], now[2]
			require.GreaterOrEqual(t, arrivals, last[2])
			if occupied == 0 {
				require.Zero(t, since)
			} else {
				require.LessOrEqual(t, since, float64(at.Unix()))
				if last[0] == 1 && arrivals == last[2] {
					require.Equal(t, last[1], since, "a car does not arrive twice")
				}
			}
			last = now
		}
	}
}

func TestOfficesFillByDayAndHomesByNight(t *testing.T) {
	c := build(t, city.Options{Seed: 1, Scale: 0.2})
	share := func(site string, at time.Time) float64 {
		var taken, bays float64
		for _, s := range c.Streams() {
			lot, ok := c.Asset(s.Asset.Parent)
			if !ok || !strings.Contains(lot.Name, site) {
				continue
			}
			v, _ := s.Read(at, nil)
			taken, bays = taken+v[0], bays+1
		}
		return taken / bays
	}
	night := noon.Add(14 * time.Hour)
	require.Greater(t, share("Tower", noon), 2*share("Tower", night))
	require.Greater(t, share("Gardens", night), 1.2*share("Gardens", noon))
}

func TestGasLeakRisesToItsPeakAndGoesAway(t *testing.T) {
	c := build(t, city.Options{Seed: 1, Scale: 0.01})
	well := c.Suited(city.GasLeak)[0]
	fault, err := c.Schedule(city.Fault{
		Kind: city.GasLeak, Asset: well, Onset: noon, End: noon.Add(10 * time.Minute), Rise: time.Minute, Peak: 40,
	})
	require.NoError(t, err)
	require.Equal(t, "gas_ch4_lel_percent", fault.Metric)
	require.Equal(t, "critical", fault.Severity)
	require.Equal(t, []city.Fault{fault}, c.Faults())

	ch4 := func(after time.Duration) float64 {
		for _, s := range c.StreamsOf(well) {
			if s.Measurement == "gas" {
				v, ok := s.Read(noon.Add(after), nil)
				require.True(t, ok)
				return v[0]
			}
		}
		return math.NaN()
	}
	require.Less(t, ch4(-time.Second), 5.0)
	require.InDelta(t, 20, ch4(30*time.Second), 3)
	require.InDelta(t, 40, ch4(5*time.Minute), 1)
	require.InDelta(t, 20, ch4(10*time.Minute+30*time.Second), 3)
	require.Less(t, ch4(12*time.Minute), 5.0)
}

func TestASilentDeviceSaysNothing(t *testing.T) {
	c := build(t, city.Options{Seed: 1, Scale: 0.01})
	id := c.Suited(city.BridgeShift)[0]
	_, err := c.Schedule(city.Fault{Kind: city.Silence, Asset: id, Onset: noon, End: noon.Add(time.Hour)})
	require.NoError(t, err)
	for _, s := range c.StreamsOf(id) {
		_, ok := s.Read(noon.Add(time.Minute), nil)
		require.False(t, ok)
		_, ok = s.Read(noon.Add(time.Hour), nil)
		require.True(t, ok)
	}
}

func TestImpossibleFaultsAreRefused(t *testing.T) {
	c := build(t, city.Options{Seed: 1, Scale: 0.01})
	camera := c.Suited(city.CameraDown)[0]
	for name, tc := range map[string]struct {
		fault city.Fault
		says  string
	}{
		"a camera cannot leak": {city.Fault{Kind: city.GasLeak, Asset: camera, Onset: noon}, "reports no gas_ch4_lel_percent"},
		"nothing there":        {city.Fault{Kind: city.Silence, Asset: "X1", Onset: noon}, `asset "X1" reports nothing`},
		"no such kind":         {city.Fault{Kind: "earthquake", Asset: camera, Onset: noon}, `no kind "earthquake"`},
		"no onset":             {city.Fault{Kind: city.CameraDown, Asset: camera}, "no onset"},
		"backwards":            {city.Fault{Kind: city.CameraDown, Asset: camera, Onset: noon, End: noon}, "ends before"},
	} {
		_, err := c.Schedule(tc.fault)
		require.ErrorContains(t, err, tc.says, name)
	}
	require.Empty(t, c.Faults())
}

func TestReportsComeInEachDevicesOwnPhase(t *testing.T) {
	c := build(t, city.Options{Seed: 1, Scale: 0.01, Interval: 10 * time.Second})
	for _, s := range c.Streams() {
		first := s.Next(noon)
		require.False(t, first.Before(noon))
		require.True(t, first.Before(noon.Add(10*time.Second)))
		require.Equal(t, first, s.Next(first))
		require.Equal(t, first.Add(10*time.Second), s.Next(first.Add(time.Nanosecond)))
	}
}

func TestSillyOptionsAreRefused(t *testing.T) {
	for _, opt := range []city.Options{{Scale: -1}, {Scale: math.NaN()}, {Scale: 1e9}, {Interval: -1}} {
		_, err := city.New(opt)
		require.Error(t, err, strconv.FormatFloat(opt.Scale, 'g', -1, 64))
	}
}
