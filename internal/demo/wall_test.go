package demo_test

import (
	"bytes"
	"encoding/json"
	"image/jpeg"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/internal/demo"
	"github.com/belfry-city/belfry/loadtest/prom"
)

// shown are the metrics of which a wall has panels.
func shown() []string {
	return strings.Fields(`
		gas_ch4_lel_percent gas_h2s_ppm gas_co_ppm gas_o2_percent well_level_m road_water_depth_mm
		structure_strain_microstrain structure_displacement_mm structure_tilt_degrees structure_acceleration_mps2
		structure_cable_force_kn structure_crack_width_mm structure_acceleration_rms_mps2
		tunnel_co_ppm tunnel_no2_ppm tunnel_visibility_per_m tunnel_fan_running manhole_open manhole_tilt_degrees
		lamp_leakage_current_ma lamp_on lamp_power_watts lamp_section_off_percent lamp_section_mean_power_watts
		water_pressure_mpa water_flow_m3_per_hour soil_moisture_percent tree_tilt_degrees
		pump_vibration_mm_per_s pump_current_amperes pump_speed_rpm pump_running
		parking_bay_occupied parking_lot_capacity parking_lot_occupied parking_lot_fill_percent parking_lot_occupancy_ratio
		parking_bay_occupied_since_timestamp_seconds parking_bay_stays_total parking_bay_disagreement
		camera_event_confidence camera_up
		device_battery_volts device_rssi_dbm device_last_seen_timestamp_seconds device_silent device_clock_offset_seconds
		asset_info asset_threshold anomaly_score anomaly_expected anomaly_lower anomaly_upper
		belfry_store_series belfry_store_samples_total belfry_hazards_open`)
}

// hazard and event are what the API says of one.
type (
	hazard struct {
		ID, Severity, Domain, Asset, Resolution string
		Opened                                  time.Time
		Resolved                                *time.Time
		Lat                                     *float64
		Labels                                  map[string]string
		Description                             string
		DescriptionZH                           string `json:"description_zh"`
	}
	event struct {
		Domain, Snapshot, Description string
		Time                          time.Time
		AssetNameZH                   string `json:"asset_name_zh"`
		Box                           *struct{ X, Y float64 }
	}
)

func get(t *testing.T, url string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close() //nolint:errcheck // it is read to its end
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(body))
	return body
}

func list[T any](t *testing.T, url, key string) []T {
	t.Helper()
	var page map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(get(t, url), &page))
	var all []T
	require.NoError(t, json.Unmarshal(page[key], &all))
	return all
}

func TestAWallHasSomethingToShowOfEachDomain(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	d := start(t, demo.Options{})
	opening := d.until(ofType("start"))
	began := time.Now()
	url := opening.URL
	api := url + "/api/belfry/v1"

	thePastIsThere(t, url, began)
	everyAssetHasAPlaceAndTwoNames(t, url)
	open := list[hazard](t, api+"/hazards?rule=GasCombustibleHigh&status=open", "hazards")
	require.Len(t, open, 1)
	require.Greater(t, began.Sub(open[0].Opened), 30*time.Minute, "it has been there for long")
	page := d.until(func(l line) bool { return l.Type == "page" && l.Hazard == open[0].ID })
	require.NotEqual(t, page.ReadingTime.Truncate(5*time.Minute), page.ReadingTime, "the reading is none of the past")

	missing := shown()
	d.until(func(line) bool {
		missing = slices.DeleteFunc(missing, func(name string) bool { return len(ask(t, url, "count("+name+")")) > 0 })
		return len(missing) == 0
	})
	unpaged := catalog.Domains()
	d.until(func(line) bool {
		for _, h := range list[hazard](t, api+"/hazards?limit=1000", "hazards") {
			if h.Opened.After(began) {
				unpaged = slices.DeleteFunc(unpaged, func(domain string) bool { return domain == h.Domain })
			}
		}
		return len(unpaged) == 0
	})
	live := slices.ContainsFunc(list[event](t, api+"/events", "events"), func(e event) bool { return e.Time.After(began) && e.Snapshot != "" })
	require.True(t, live, "cameras go on seeing")
	d.stop()
	summary := d.until(ofType("summary"))
	require.NoError(t, <-d.err)
	require.Zero(t, summary.ReadingsRefused)
}

func thePastIsThere(t *testing.T, url string, began time.Time) {
	api := url + "/api/belfry/v1"
	severities := map[string]map[string]bool{}
	for _, h := range list[hazard](t, api+"/hazards?status=resolved&limit=1000", "hazards") {
		require.Equal(t, "true", h.Labels["simulated"])
		require.Contains(t, h.Description, "Simulated")
		require.Contains(t, h.DescriptionZH, "模拟")
		require.Equal(t, "cleared", h.Resolution)
		require.NotNil(t, h.Lat)
		require.True(t, h.Resolved.After(h.Opened) && h.Resolved.Before(began))
		if severities[h.Domain] == nil {
			severities[h.Domain] = map[string]bool{}
		}
		severities[h.Domain][h.Severity] = true
	}
	for _, domain := range catalog.Domains() {
		require.GreaterOrEqual(t, len(severities[domain]), 2, "%s has hazards of more than one severity: %v", domain, severities[domain])
	}
	seen := map[string]bool{}
	for _, e := range list[event](t, api+"/events?limit=1000", "events") {
		seen[e.Domain] = true
		require.NotEmpty(t, e.AssetNameZH)
		require.NotNil(t, e.Box)
		require.Contains(t, e.Description, "模拟")
	}
	require.Len(t, seen, len(catalog.Domains()))
	newest := list[event](t, api+"/events?limit=1", "events")
	_, err := jpeg.Decode(bytes.NewReader(get(t, url+newest[0].Snapshot)))
	require.NoError(t, err)
	for _, expr := range []string{
		`count(gas_ch4_lel_percent offset 20h)`, `count(parking_bay_occupied offset 20h)`, `count(structure_strain_microstrain offset 6d)`,
		`count(asset_info offset 6d)`, `count(last_over_time(parking_stay_seconds[1d]))`, `count(last_over_time(water_night_flow_m3_per_hour[1d]))`,
		`count(last_over_time(water_dma_night_flow_m3_per_hour[1d]))`, `count(anomaly_upper offset 2d > anomaly_lower offset 2d)`,
		`count(count_over_time(camera_event_confidence[1d]))`, `count(max_over_time(anomaly_score[3d]) > 1)`,
	} {
		require.Len(t, ask(t, url, expr), 1, expr)
	}
}

func everyAssetHasAPlaceAndTwoNames(t *testing.T, url string) {
	client := prom.NewClient(url, "")
	defer client.Close()
	byDomain := map[string]int{}
	for _, s := range ask(t, url, `asset_info{asset!~"AARHUS-.+|UCI-AIR"}`) {
		l := s.Labels
		byDomain[l["domain"]]++
		for _, name := range []string{"name", "district", "street", "community", "team"} {
			require.NotEmpty(t, l[name], "%s of %s", name, l["asset"])
		}
		require.True(t, strings.ContainsFunc(l["name_zh"], func(r rune) bool { return unicode.Is(unicode.Han, r) }), l["asset"])
	}
	for _, domain := range catalog.Domains() {
		if domain != "device" { // devices are those of the others
			require.Positive(t, byDomain[domain], domain)
		}
	}
}
