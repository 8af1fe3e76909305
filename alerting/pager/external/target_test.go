package external

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrongTargetsAreNamedWithTheirLines(t *testing.T) {
	for entries, want := range map[string]string{
		`    - am1:9093`:                      `belfry.yml:3: pager.external[0]: ` + errAddress.Error(),
		`    - ""`:                            `belfry.yml:3: pager.external[0]: ` + errAddress.Error(),
		`    - "http://u:topsecret@[::1"`:     `belfry.yml:3: pager.external[0]: ` + errAddress.Error(),
		`    - {url: "http://am1:9093/?a=b"}`: `belfry.yml:3: pager.external[0]: ` + errAddress.Error(),
		"    - http://am1:9093\n    - http://am1:9093/api/v2/":                                         `belfry.yml:4: pager.external[1]: want each Alertmanager once; pager.external[0] is the same`,
		"    - url: http://am1:9093\n      basic_aut: {username: u}":                                   `belfry.yml:4: pager.external[0].basic_aut: unknown key; did you mean "basic_auth"?`,
		"    - url: http://u:topsecret@am1:9093\n      basic_auth: {username: u, password: topsecret}": `belfry.yml:4: pager.external[0].basic_auth: ` + errTwice.Error(),
		"    - url: http://am1:9093\n      tls_config: [topsecret]":                                    `belfry.yml:4: pager.external[0].tls_config: want what Prometheus takes for HTTP clients; got a value of another kind`,
		"    - url: https://am1:9093\n      tls_config: {ca_file: none.pem}": `belfry.yml:4: pager.external[0].tls_config.ca_file: want what Prometheus takes for HTTP clients; it says: ` +
			`make a client for am1:9093: unable to read CA cert: unable to read file none.pem: open none.pem: no such file or directory`,
	} {
		_, err := targets(t, entries)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "topsecret")
	}
}

func TestTargetsAreNamedWithoutSecrets(t *testing.T) {
	list, err := targets(t, "    - https://u:topsecret@am1:9093/prefix/\n    - http://am2:9093/api/v2/alerts\n")
	require.NoError(t, err)
	require.Equal(t, "am1:9093/prefix", list[0].Name)
	require.Equal(t, "https://am1:9093/prefix/api/v2/alerts", list[0].api("/api/v2/alerts").String())
	require.Equal(t, "http://am2:9093/api/v2/alerts", list[1].api("/api/v2/alerts").String())
}

func FuzzTargets(f *testing.F) {
	f.Add("    - http://am1:9093")
	f.Add("    - {url: http://am1:9093, basic_auth: {username: u, password: p}, tls_config: {ca_file: x}}")
	f.Add("    - [1, {a: b}]")
	f.Fuzz(func(t *testing.T, entry string) {
		if c, err := parsed(entry); err == nil {
			_, _ = ReadTargets(c.Pager.External, "")
		}
	})
}
