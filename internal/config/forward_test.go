package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/internal/config"
)

func parseForward(t *testing.T, dir, text string) ([]config.Forward, error) {
	t.Helper()
	c, err := config.Parse(filepath.Join(dir, "belfry.yml"), []byte("forward:\n"+text))
	if err != nil {
		return nil, err
	}
	return c.Forward, nil
}

func TestAForwarderNeedsThreeKeysAndKnowsTheRest(t *testing.T) {
	got, err := parseForward(t, "", `  - {name: city, type: victoriametrics, url: "http://db:8428"}`)
	require.NoError(t, err)
	require.Equal(t, []config.Forward{{
		Name: "city", Type: config.ForwardVictoriaMetrics, URL: "http://db:8428", Names: "split", Dialect: "auto", Compression: "none",
		Batch: 10_000, Wait: 500 * time.Millisecond, Timeout: 10 * time.Second, Connections: 2, Buffer: 10 << 30, Resend: 15 * time.Second,
	}}, got)
}

func TestEverySettingOfAForwarderIsRead(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "token"), []byte(" bf_topsecret\n"), 0o600))
	t.Setenv("CITY_TOKEN", "from-env")
	got, err := parseForward(t, dir, `  - name: city.1
    type: influxdb2
    url: https://db/influx
    org: city
    bucket: readings
    token_file: token
    username: u
    filter: ['{__name__=~"gas_.*"}', 'well_level_m{asset="w1"}', '{job!="belfry"}']
    labels: {site: north}
    drop_labels: [instance]
    names: value
    dialect: influxdb
    batch: 5000
    wait: 1s
    timeout: 30s
    connections: 4
    compression: gzip
    buffer: 1GiB
    resend: 0s
    tls: {server_name: db, insecure_skip_verify: true}
  - {name: b, type: influxdb1, url: "http://b", token_env: CITY_TOKEN}
`)
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, config.Forward{
		Name: "city.1", Type: config.ForwardInfluxDB2, URL: "https://db/influx", Org: "city", Bucket: "readings", Username: "u", Token: "bf_topsecret",
		Filter: []string{`{__name__=~"gas_.*"}`, `well_level_m{asset="w1"}`, `{job!="belfry"}`}, Labels: map[string]string{"site": "north"},
		DropLabels: []string{"instance"}, Names: "value", Dialect: "influxdb", Compression: "gzip", Batch: 5000, Wait: time.Second,
		Timeout: 30 * time.Second, Connections: 4, Buffer: 1 << 30, TLS: config.ForwardTLS{ServerName: "db", InsecureSkipVerify: true},
	}, got[0])
	require.Len(t, got[0].Matchers(), 3)
	require.Equal(t, "from-env", got[1].Token)
	c := config.Default()
	c.Forward = got
	require.NotContains(t, c.Redacted(), "bf_topsecret")
	require.Contains(t, c.Redacted(), "city.1")
}

func TestWrongForwardersAreRefusedWithoutShowingSecrets(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "two"), []byte("bf_topsecret\nsecond line"), 0o600))
	const well = "name: a, type: victoriametrics, url: \"http://a\""
	for name, tc := range map[string]struct{ text, want string }{
		"no url":             {`{name: a, type: influxdb2}`, "forward[0]: want name, type and url"},
		"type":               {`{name: a, type: influx, url: "http://a"}`, `forward[0].type: want one of influxdb2, victoriametrics, influxdb1`},
		"name":               {`{name: ../a, type: influxdb2, url: "http://a"}`, "forward[0].name: want a name of letters, digits"},
		"same name":          {`{` + well + `}, {` + well + `}`, `want a name of its own; "a" is already on line 2`},
		"url":                {`{name: a, type: influxdb2, url: "db:8428"}`, "forward[0].url: want the address of a database"},
		"user in url":        {`{name: a, type: influxdb2, url: "http://u:bf_topsecret@db"}`, "without user, password"},
		"no bucket":          {`{name: a, type: influxdb2, url: "http://a", org: o}`, "forward[0]: bucket: want the bucket to write to, because type is influxdb2; got none"},
		"a label of no name": {`{` + well + `, labels: {"": x}}`, `forward[0].labels: want a plain word as key; got ""`},
		"two tokens":         {`{` + well + `, token: bf_topsecret, token_env: HOME}`, "at most one of token, token_file and token_env; got 2"},
		"no such token file": {`{` + well + `, token_file: none}`, "forward[0].token_file: want a file that can be read"},
		"two lines":          {`{` + well + `, token_file: two}`, "forward[0].token_file: want it to hold a token of one line"},
		"no such variable":   {`{` + well + `, token_env: BF_NONE}`, "forward[0].token_env: want the name of an environment variable"},
		"user only":          {`{` + well + `, username: u}`, "want the password of username"},
		"filter":             {`{` + well + `, filter: ['gas_(.*']}`, "forward[0].filter[0]: want a selector of series as in PromQL"},
		"expression":         {`{` + well + `, filter: ['rate(gas_x[1m])']}`, "forward[0].filter[0]: want a selector"},
		"empty filter":       {`{` + well + `, filter: ['']}`, "forward[0].filter[0]: want a selector"},
		"one filter":         {`{` + well + `, filter: gas_x}`, "forward[0].filter: want a list of selectors"},
		"label":              {`{` + well + `, labels: {__name__: x}}`, "forward[0].labels.__name__: want a label name"},
		"batch":              {`{` + well + `, batch: 0}`, "forward[0].batch: want a whole number of samples"},
		"connections":        {`{` + well + `, connections: 1000}`, "forward[0].connections: want a whole number of at most 64"},
		"bare":               {`{name: a, type: influxdb2, url: "http://a", names: bare}`, "only VictoriaMetrics takes lines without a measurement"},
		"tls without https":  {`{` + well + `, tls: {server_name: x}}`, "want a url with https"},
		"no such ca":         {`{name: a, type: influxdb2, url: "https://a", tls: {ca: none}}`, "forward[0].tls.ca: want a file that can be read"},
		"no ca":              {`{name: a, type: influxdb2, url: "https://a", tls: {ca: two}}`, "tls: want ca to hold certificates in PEM"},
		"half a pair":        {`{name: a, type: influxdb2, url: "https://a", tls: {cert: two}}`, "want both cert and key"},
		"no pair":            {`{name: a, type: influxdb2, url: "https://a", tls: {cert: two, key: two}}`, "want cert and key to be a pair"},
		"unknown":            {`{` + well + `, bukket: x}`, `forward[0].bukket: unknown key; did you mean "bucket"?`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseForward(t, dir, "  ["+tc.text+"]")
			require.ErrorContains(t, err, tc.want)
			require.Contains(t, err.Error(), "belfry.yml:2: ")
			require.Equal(t, 1, strings.Count(err.Error(), "belfry.yml:"), "one mistake, one message: %v", err)
			require.NotContains(t, err.Error(), "bf_topsecret")
		})
	}
}
