package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInputsAreShownWithoutTheirSecrets(t *testing.T) {
	c, err := Parse("belfry.yml", []byte(`
inputs:
  mqtt:
    clients:
      - {name: east, url: "mqtt://broker:1883", username: belfry, password: hunter2, topics: [{match: "a/#", decoder: line}]}
  hj212:
    stations: [{mn: "0100", password: hunter3}]
  scrape:
    - job_name: pumps
      basic_auth: {username: u, password: hunter4}
      static_configs: [{targets: ["pump:9100"]}]
`))
	require.NoError(t, err)
	shown := c.Redacted()
	require.NotContains(t, shown, "hunter")
	for _, want := range []string{"mqtt://broker:1883", "mn: \"0100\"", "job_name: pumps", "password: <secret>"} {
		require.Contains(t, shown, want)
	}
	require.Contains(t, Default().Redacted(), "inputs: {}")
}
