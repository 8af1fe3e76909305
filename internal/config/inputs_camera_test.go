package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config"
)

func TestSettingsOfCamerasAndEvents(t *testing.T) {
	c, err := config.Parse("belfry.yml", []byte(`
events: {time: 30d, size: 10MiB, snapshot: 0, raw: 1KiB}
inputs:
  camera:
    kinds:
      - {id: scooter, name: Scooter, zh: 滑板车, domain: parking, severity: info, team: volunteers, also: [kick_scooter]}
      - {id: bare, domain: road, severity: critical, team: municipal}
    mappings: {hikvision: {fielddetection: scooter}, frigate: {car@bus_stop: illegal_parking}}
    heartbeat_timeout: {hikvision: 2m, camera: 1h}
    same_event_within: 5m
    frames: {"*": 1280x720, CAM-7: 1920x1080.5}
    frigate_url: http://frigate:5000/
`))
	require.NoError(t, err)
	require.Equal(t, config.Events{Time: 30 * 24 * time.Hour, Size: 10 << 20, Raw: 1 << 10}, c.Events)
	require.Equal(t, config.Camera{
		Kinds: []config.CameraKind{
			{ID: "scooter", Name: "Scooter", NameZH: "滑板车", Domain: "parking", Severity: "info", Team: "volunteers", Also: []string{"kick_scooter"}},
			{ID: "bare", Name: "bare", NameZH: "bare", Domain: "road", Severity: "critical", Team: "municipal"},
		},
		Mappings:         map[string]map[string]string{"hikvision": {"fielddetection": "scooter"}, "frigate": {"car@bus_stop": "illegal_parking"}},
		HeartbeatTimeout: map[string]time.Duration{"hikvision": 2 * time.Minute, "camera": time.Hour},
		SameEventWithin:  5 * time.Minute,
		Frames:           map[string]config.CameraFrame{"*": {Width: 1280, Height: 720}, "CAM-7": {Width: 1920, Height: 1080.5}},
		FrigateURL:       "http://frigate:5000",
	}, c.Inputs.Camera)

	c, err = config.Parse("belfry.yml", []byte("inputs: {camera: {heartbeat_timeout: 10s}}"))
	require.NoError(t, err)
	require.Equal(t, map[string]time.Duration{"hikvision": 10 * time.Second, "frigate": 10 * time.Second, "camera": 10 * time.Second}, c.Inputs.Camera.HeartbeatTimeout)
}

func TestMistakesInSettingsOfCameras(t *testing.T) {
	for text, want := range map[string]string{
		"inputs: {camera: {kinds: [{id: A-1}]}}":                                                                          `inputs.camera.kinds[0].id: want an id of small letters, digits and _, such as dog_off_leash; got "A-1"`,
		"inputs: {camera: {kinds: [{id: unknown}]}}":                                                                      `inputs.camera.kinds[0].id: want an id of small letters`,
		"inputs: {camera: {kinds: [{id: a, domain: road}]}}":                                                              `inputs.camera.kinds[0]: want severity, team; got none`,
		"inputs: {camera: {kinds: [{id: a, domain: sea}]}}":                                                               `inputs.camera.kinds[0].domain: want one of gas, bridge`,
		"inputs: {camera: {kinds: [{id: a, team: police}]}}":                                                              `inputs.camera.kinds[0].team: want one of sanitation, municipal`,
		"inputs:\n  camera:\n    kinds:\n      - &k {id: a, domain: road, severity: info, team: municipal}\n      - *k\n": `want each kind once; a is already on line 4`,
		"inputs: {camera: {mappings: {dahua: {a: b}}}}":                                                                   `inputs.camera.mappings.dahua: want a vendor, one of hikvision, frigate, camera`,
		"inputs: {camera: {mappings: {camera: {a: [b]}}}}":                                                                `inputs.camera.mappings.camera.a: want the id of a kind`,
		"inputs: {camera: {heartbeat_timeout: soon}}":                                                                     `inputs.camera.heartbeat_timeout: want a duration such as 5m, at least 1s; got "soon"`,
		"inputs: {camera: {heartbeat_timeout: {dahua: 5m}}}":                                                              `inputs.camera.heartbeat_timeout.dahua: want a vendor`,
		"inputs: {camera: {same_event_within: 0s}}":                                                                       `inputs.camera.same_event_within: want a duration such as 1m, at least 1s; got "0s"`,
		"inputs: {camera: {frames: {a: big}}}":                                                                            `inputs.camera.frames.a: want the width and height of a picture, such as 1280x720; got "big"`,
		"inputs: {camera: {frigate_url: 'http://a:b@frigate'}}":                                                           `inputs.camera.frigate_url: want an address without a password`,
		"inputs: {camera: {frigate_url: frigate}}":                                                                        `inputs.camera.frigate_url: want an address`,
		"events: {size: 5}": `events: want size to be 0 or at least 1MiB; got 5 bytes`,
		"events: {tme: 5d}": `events.tme: unknown key; did you mean "time"?`,
	} {
		_, err := config.Parse("belfry.yml", []byte(text))
		require.ErrorContains(t, err, "belfry.yml:", text)
		require.ErrorContains(t, err, want, text)
	}
}
