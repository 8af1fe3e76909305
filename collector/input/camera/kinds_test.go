package camera_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input/camera"
)

func TestEveryKindHasNamesAndSomeoneWhoAnswersForIt(t *testing.T) {
	kinds, err := camera.NewKinds(nil, nil)
	require.NoError(t, err)
	all := kinds.All()
	teams, problems := map[string]int{}, 0
	for _, k := range all {
		require.NotEmpty(t, k.ID)
		require.NotEmpty(t, k.Name, k.ID)
		require.NotEmpty(t, k.NameZH, k.ID)
		require.NotEqual(t, k.Name, k.NameZH, k.ID)
		require.Contains(t, catalog.Domains(), k.Domain, k.ID)
		require.Contains(t, catalog.Teams(), k.Team, k.ID)
		require.Contains(t, []string{"critical", "warning", "info"}, k.Severity, k.ID)
		teams[k.Team]++
		if k.Domain != "camera" && k.Domain != "device" {
			problems++
		}
	}
	require.GreaterOrEqual(t, problems, 50, "kinds of urban problem")
	require.Len(t, teams, len(catalog.Teams()))
}

func TestNoNameMeansTwoKinds(t *testing.T) {
	kinds, err := camera.NewKinds(nil, nil)
	require.NoError(t, err)
	for _, k := range kinds.All() {
		for _, name := range append([]string{k.ID, k.Name, k.NameZH}, k.Also...) {
			found, ok := kinds.Find("", name)
			require.True(t, ok, name)
			require.Equal(t, k.ID, found.ID, name)
		}
	}
}

func TestWordsAreUnderstoodHoweverTheyAreWritten(t *testing.T) {
	kinds, err := camera.NewKinds(nil, nil)
	require.NoError(t, err)
	for word, want := range map[string]string{
		"road pothole": "road_pothole", "RoadPothole": "road_pothole", "ROAD-POTHOLE": "road_pothole", "pothole_detection": "road_pothole",
		"占道经营告警": "street_vendor", "三区占道经营1号": "street_vendor", "垃圾满溢检测": "garbage_overflow", "Illegal Parking Event": "illegal_parking",
		"": "unknown", "detection": "unknown", "spaceship": "unknown", "告警": "unknown", "积": "unknown",
	} {
		kind, _ := kinds.Find("camera", word)
		require.Equal(t, want, kind.ID, word)
	}
	require.Contains(t, kinds.Matching("井盖"), "manhole_cover_missing")
	require.Contains(t, kinds.Matching("POTHOLE"), "road_pothole")
}

func TestKindsAndMappingsOfOnesOwnGoFirst(t *testing.T) {
	kinds, err := camera.NewKinds(
		[]camera.Kind{
			{ID: "scooter_on_steps", Name: "Scooter on the steps", NameZH: "台阶停车", Domain: "parking", Severity: "info", Team: "volunteers", Also: []string{"scooter"}},
			{ID: "road_pothole", Name: "Hole", NameZH: "洞", Domain: "road", Severity: "critical", Team: "municipal"},
		},
		map[string]map[string]string{
			"hikvision": {"fielddetection": "illegal_parking", "fielddetection/human": "intrusion", "VMD": "unknown"},
			"frigate":   {"car@Bus Stop": "scooter_on_steps"},
		})
	require.NoError(t, err)
	find := func(vendor string, words ...string) string {
		k, _ := kinds.Find(vendor, words...)
		return k.ID
	}
	require.Equal(t, "illegal_parking", find("hikvision", "fielddetection/vehicle", "fielddetection"))
	require.Equal(t, "intrusion", find("hikvision", "fielddetection/human", "fielddetection"))
	require.Equal(t, "unknown", find("hikvision", "VMD"))
	require.Equal(t, "scooter_on_steps", find("frigate", "car@bus_stop", "car"))
	require.Equal(t, "scooter_on_steps", find("camera", "scooter"))
	hole, ok := kinds.Get("road_pothole")
	require.True(t, ok)
	require.Equal(t, "critical", hole.Severity)
	unknown, ok := kinds.Get("unknown")
	require.True(t, ok)
	require.Equal(t, "未知", unknown.NameZH)
	_, ok = kinds.Get("no such")
	require.False(t, ok)

	_, err = camera.NewKinds(nil, map[string]map[string]string{"hikvision": {"VMD": "nonsense"}})
	require.EqualError(t, err, `mappings: hikvision: "VMD" is mapped to "nonsense", which is no kind`)
	require.True(t, strings.HasPrefix(err.Error(), "mappings: "))
}

func TestAKindIsFoundByItsIDAndNames(t *testing.T) {
	k, err := camera.NewKinds([]camera.Kind{{ID: "scooter_on_steps", Name: "Scooter on the steps", NameZH: "台阶停车", Domain: "parking", Also: []string{"kick scooter"}}}, nil)
	require.NoError(t, err)
	for word, want := range map[string]string{
		"fire": "fire_smoke", "fire_smoke": "fire_smoke", "井盖缺失": "manhole_cover_missing", "Missing manhole cover": "manhole_cover_missing", "unknown": "unknown",
		"scooter_on_steps": "scooter_on_steps", "台阶停车": "scooter_on_steps", "Kick-Scooter": "scooter_on_steps",
	} {
		id, err := k.Resolve(word)
		require.NoError(t, err)
		require.Equal(t, want, id, word)
	}
	_, err = k.Resolve("manhole_cover_mising")
	require.EqualError(t, err, `there is no kind "manhole_cover_mising"; did you mean "manhole_cover_missing"?`)
	_, err = k.Resolve("nothing like it at all")
	require.ErrorContains(t, err, `; there are absence, `)
	require.ErrorContains(t, err, `, scooter_on_steps, `)
}
