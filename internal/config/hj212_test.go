package config_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config"
)

func TestStationsOfHJ212AreRead(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pw"), []byte("from-file\n"), 0o600))
	t.Setenv("HJ212_PW", "from-env")
	c, err := config.Parse(filepath.Join(dir, "belfry.yml"), []byte(`
inputs:
  hj212:
    listen: 0.0.0.0:9212
    tls: true
    stations:
      - {mn: A, password: "123456", asset: outfall-3, labels: {operator: east}}
      - {mn: B, password_file: pw}
      - {mn: C, password_env: HJ212_PW}
    codes: {a34004: air_pm2_5_mg_per_m3}
    valid_flags: [N, t]
    max_segment: 9999
    max_connections: 10
    idle_timeout: 5m
    frame_timeout: 1s
    part_timeout: 2s
    heartbeat_answer: 9013
`))
	require.NoError(t, err)
	require.Equal(t, config.HJ212{
		Listen: "0.0.0.0:9212", TLS: true,
		Stations: []config.HJ212Station{
			{MN: "A", Password: "123456", Asset: "outfall-3", Labels: map[string]string{"operator": "east"}},
			{MN: "B", Password: "from-file"}, {MN: "C", Password: "from-env"},
		},
		Codes: map[string]string{"a34004": "air_pm2_5_mg_per_m3"}, ValidFlags: []string{"N", "T"},
		MaxSegment: 9999, MaxConnections: 10, IdleTimeout: 5 * time.Minute, FrameTimeout: time.Second, PartTimeout: 2 * time.Second,
		HeartbeatAnswer: 9013,
	}, c.Inputs.HJ212)
	require.ErrorContains(t, c.CheckExposure(t.Context()), "belfry.yml:4: inputs.hj212: want a certificate")
	c.TLS.Cert, c.TLS.Key = "c.pem", "k.pem"
	require.NoError(t, c.CheckExposure(t.Context()))
	require.NotContains(t, c.Redacted(), "123456")
}

func TestHJ212MakesRoomForTheReportsOfDays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"":                                   24 * time.Hour,
		"inputs: {hj212: {listen: ''}}":      24 * time.Hour,
		"inputs: {hj212: {listen: ':9212'}}": 72 * time.Hour,
		"inputs: {hj212: {listen: ':9212'}}\nlimits: {late: 1h}":   time.Hour,
		"limits: {late: 200h}\ninputs: {hj212: {listen: ':9212'}}": 200 * time.Hour,
	} {
		c, err := config.Parse("belfry.yml", []byte(text))
		require.NoError(t, err)
		require.Equal(t, want, c.Limits.Late, text)
	}
}

func TestStrangersAreKeptOutOfHJ212(t *testing.T) {
	for text, open := range map[string]bool{
		"inputs: {hj212: {listen: '127.0.0.1:9212'}}":                                 true,
		"inputs: {hj212: {listen: '0.0.0.0:9212', stations: []}}":                     true,
		"inputs: {hj212: {listen: '0.0.0.0:9212', stations: [{mn: A, password: x}]}}": true,
		"auth: {insecure: true}\ninputs: {hj212: {listen: ':9212'}}":                  true,
		"\ninputs:\n  hj212:\n    listen: 0.0.0.0:9212":                               false,
		"\ninputs:\n  hj212:\n    stations:\n    listen: ':9212'":                     false,
		"\ninputs: \n  hj212: {listen: '0.0.0.0:9212'}\nauth: {tokens: [{name: a, hash: 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', scopes: [write]}]}": false,
	} {
		c, err := config.Parse("belfry.yml", []byte(text))
		require.NoError(t, err)
		err = c.CheckExposure(t.Context())
		if open {
			require.NoError(t, err, text)
			continue
		}
		require.ErrorContains(t, err, "belfry.yml:", text)
		require.ErrorContains(t, err, "inputs.hj212: want stations", text)
	}
}

func TestMistakesOfHJ212AreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"listen: 9212":              "inputs.hj212.listen: want host:port",
		"stations: [{password: x}]": "inputs.hj212.stations[0]: want mn",
		"stations: [{mn: A}]":       "got 0 of them",
		"stations: [{mn: A, password: x, password_env: HOME}]":   "got 2 of them",
		"stations: [{mn: A, password: secret;}]":                 "got something else",
		"stations: [{mn: A, password_file: missing}]":            "want a file that can be read",
		"stations: [{mn: A, password_env: NOT_SET_HERE}]":        "want the name of an environment variable that is set",
		"stations: [{mn: A, password: x}, {mn: A, password: y}]": `"A" is already on line`,
		"stations: [{mn: A B, password: x}]":                     "the MN of the device",
		"codes: {w01018: '1x'}":                                  "the name of a metric",
		"codes: {w01018-Rtd: x}":                                 "a code as devices send it",
		"codes: {w01018: x, W01018: y}":                          "in case only",
		"max_segment: 10000":                                     "at most 9999",
		"max_segment: 10":                                        "at least 1024",
		"heartbeat_answer: 9000":                                 "want one of 9014, 9013",
		"part_timeout: 0s":                                       "a duration such as 1m",
		"stattions: []":                                          `did you mean "stations"?`,
	} {
		_, err := config.Parse("belfry.yml", []byte("inputs:\n  hj212: {"+text+"}"))
		require.ErrorContains(t, err, want, text)
		require.ErrorContains(t, err, "belfry.yml:2:", text)
		require.NotContains(t, err.Error(), "secret", text)
	}
}
