package config_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/config/strict"
)

func withoutFile(c *config.Config) *config.Config {
	c.File = ""
	return c
}

func TestNothingAndTheExampleMeanTheDefaults(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":   "",
		"comment":   "# nothing\n",
		"marker":    "---\n",
		"null keys": "listen:\nlimits:\nauth: {tokens: }\nrules: ~\n",
		"shown":     config.Default().Redacted(),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := config.Parse("belfry.yml", []byte(text))
			require.NoError(t, err)
			require.Equal(t, config.Default().Redacted(), c.Redacted())
			require.EqualExportedValues(t, config.Default(), withoutFile(c))
		})
	}

	c, err := config.Parse("example.yml", []byte(config.Example))
	require.NoError(t, err)
	require.Equal(t, config.Default().Redacted(), c.Redacted())
	require.EqualExportedValues(t, config.Default(), withoutFile(c))
}

func TestTheExampleHasEverySetting(t *testing.T) {
	// Redacted names every setting; each of them stands in the example with the
	// same indentation.
	for line := range strings.Lines(config.Default().Redacted()) {
		key, _, _ := strings.Cut(line, ":")
		require.Contains(t, "\n"+config.Example, "\n"+key+":", "the example lacks %s", key)
	}
}

const everything = `
listen: "[::1]:9401"
data_dir: data
durability: os
retention: {time: 30d, size: 10GB}
limits: {series: 2e6, exemplars: 1000, late: 48h, early: 1m, body: 1MiB, line: 1024, watched: 1e5, in_flight: 2MiB, body_time: 5s}
disk_reserve: 1.5GiB
external_labels: {district: yuzhong, 区: x}
external_url: https://u:secret@belfry.example.org/b
timezone: Asia/Shanghai
language: zh-CN
bucket_label: bucket
catalog: [catalog.yml, /abs/bays.csv]
rules: ["rules/*.yml"]
detectors: ["detectors/*.yml", /abs/d.yml]
evaluation_interval: 250ms
query: {timeout: 10s, max_samples: 1000, max_concurrent: 2, lookback: 1m}
devices: {silent_after: 2.5, least: 10s, forget: 30d, max: 1000}
pager: {config: alertmanager.yml}
auth:
  tokens:
    - {name: telegraf, hash_file: telegraf.hash, scopes: [write]}
    - {name: grafana, hash_env: GRAFANA_HASH, scopes: [read, admin]}
  insecure: true
tls: {cert: c.pem, key: k.pem}
log: {level: debug, format: json}
`

func TestEverySettingIsTaken(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "belfry.yml")
	one := config.FormatHash([32]byte{1})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "telegraf.hash"), []byte(one+"\n"), 0o600))
	t.Setenv("GRAFANA_HASH", config.FormatHash([32]byte{2}))
	text := strings.Replace(everything, ", 区: x", "", 1)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))

	c, err := config.Load(file)
	require.NoError(t, err)
	require.Equal(t, "[::1]:9401", c.Listen)
	require.Equal(t, filepath.Join(dir, "data"), c.DataDir)
	require.Equal(t, config.DurabilityOS, c.Durability)
	require.Equal(t, config.Retention{Time: 30 * 24 * time.Hour, Size: 10_000_000_000}, c.Retention)
	require.Equal(t, config.Limits{
		Series: 2_000_000, Exemplars: 1000, Late: 48 * time.Hour, Early: time.Minute,
		Body: 1 << 20, Line: 1024, Watched: 100_000, InFlight: 2 << 20, BodyTime: 5 * time.Second,
	}, c.Limits)
	require.Equal(t, int64(3<<29), c.DiskReserve)
	require.Equal(t, labels.FromStrings("district", "yuzhong"), c.ExternalLabels)
	require.Equal(t, "belfry.example.org", c.ExternalURL.Host)
	require.Equal(t, "Asia/Shanghai", c.Timezone.String())
	require.Equal(t, config.LanguageChinese, c.Language)
	require.Equal(t, "bucket", c.BucketLabel)
	require.Equal(t, []string{filepath.Join(dir, "catalog.yml"), "/abs/bays.csv"}, c.Catalog)
	require.Equal(t, []string{filepath.Join(dir, "rules/*.yml")}, c.Rules)
	require.Equal(t, 250*time.Millisecond, c.EvaluationInterval)
	require.Equal(t, config.Query{Timeout: 10 * time.Second, MaxSamples: 1000, MaxConcurrent: 2, Lookback: time.Minute}, c.Query)
	require.Equal(t, config.Devices{SilentAfter: 2.5, Least: 10 * time.Second, Forget: 30 * 24 * time.Hour, Max: 1000}, c.Devices)
	require.Equal(t, filepath.Join(dir, "alertmanager.yml"), c.Pager.Config)
	require.Equal(t, []config.Token{
		{Name: "telegraf", Hash: [32]byte{1}, Scopes: []config.Scope{config.ScopeWrite}},
		{Name: "grafana", Hash: [32]byte{2}, Scopes: []config.Scope{config.ScopeRead, config.ScopeAdmin}},
	}, c.Auth.Tokens)
	require.True(t, c.Auth.Insecure)
	require.Equal(t, config.TLS{Cert: filepath.Join(dir, "c.pem"), Key: filepath.Join(dir, "k.pem")}, c.TLS)

	shown := c.Redacted()
	require.NotContains(t, shown, one)
	require.NotContains(t, shown, "u:secret@")
	require.Contains(t, shown, "telegraf")
}

func TestEveryProblemIsNamedWithItsLine(t *testing.T) {
	const text = `lisen: 127.0.0.1:9400
listen: nine
durability: sync
retention: {time: 90days, size: much}
limits:
  series: "lots"
  series: 5
  late: -1h
  body: 10
external_labels: {__x: a, ok: "", 区: b}
timezone: Chongqing
language: zh
bucket_label: "a b"
catalog: catalog.yml
rules: ["rules/[.yml"]
evaluation_interval: 1ms
query: [2m]
pager: {external: http://a:9093}
forward: {city: "http://db:8428"}
tls: {cert: a.pem}
log: {level: warning}
external_url: belfry.example.org
`
	_, err := config.Parse("belfry.yml", []byte(text))
	require.Error(t, err)
	got := strings.Split(err.Error(), "\n")
	want := []string{
		`belfry.yml:1: lisen: unknown key; did you mean "listen"?`,
		`belfry.yml:2: listen: want host:port, such as 127.0.0.1:9400 or [::1]:9400; got "nine"`,
		`belfry.yml:3: durability: want one of fsync, os (did you mean "fsync"?); got "sync"`,
		`belfry.yml:4: retention.time: want a duration such as 90d; got "90days"`,
		`belfry.yml:4: retention.size: want a size such as 100GB (kB, MB, GB, TB, KiB, MiB, GiB, TiB); got "much"`,
		`belfry.yml:6: limits.series: want a whole number of series, such as 1000000; got "lots"`,
		`belfry.yml:7: limits.series: want each key once; got it again`,
		`belfry.yml:8: limits.late: want a duration such as 24h; got "-1h"`,
		`belfry.yml:9: limits.body: want a size such as 32MiB (kB, MB, GB, TB, KiB, MiB, GiB, TiB), at least 1024 bytes; got "10"`,
		`belfry.yml:10: external_labels.__x: want a label name of letters, digits and _, not beginning with a digit or __`,
		`belfry.yml:10: external_labels.ok: want a value for the label; got ""`,
		`belfry.yml:10: external_labels.区: want a label name of letters, digits and _, not beginning with a digit or __`,
		`belfry.yml:11: timezone: want a time zone such as Asia/Shanghai, UTC, or Local for the machine's own; got "Chongqing"`,
		`belfry.yml:12: language: want one of en, zh-CN; got "zh"`,
		`belfry.yml:13: bucket_label: want a label name of letters, digits and _, not beginning with a digit or __; got "a b"`,
		`belfry.yml:14: catalog: want a list of files, such as [catalog.yml]; got "catalog.yml"`,
		`belfry.yml:15: rules[0]: want a path, in which *, ? and [a-z] are as in a shell; got "rules/[.yml"`,
		`belfry.yml:16: evaluation_interval: want a duration such as 1s, at least 100ms; got "1ms"`,
		`belfry.yml:17: query: want keys and values (lookback, max_concurrent, max_samples, timeout); got a list`,
		`belfry.yml:18: pager.external: want a list of Alertmanagers, such as ["http://am1:9093", "http://am2:9093"]; got "http://a:9093"`,
		`belfry.yml:19: forward: want a list of targets, each with name, type and url; got a mapping`,
		`belfry.yml:20: tls: want both cert and key, or neither; got one of them`,
		`belfry.yml:21: log.level: want one of debug, info, warn, error (did you mean "warn"?); got "warning"`,
		`belfry.yml:22: external_url: want the address under which people reach Belfry, such as https://belfry.example.org/; got "belfry.example.org"`,
	}
	require.Equal(t, want, got)

	var problems strict.Problems
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, len(want))
}

func TestTokensAreRefusedWithoutShowingThem(t *testing.T) {
	for name, tc := range map[string]struct{ tokens, want string }{
		"secret as hash":   {`[{name: a, hash: bf_topsecret, scopes: [write]}]`, "sha256: and 64 hexadecimal digits"},
		"no hash":          {`[{name: a, scopes: [write]}]`, "exactly one of hash, hash_file and hash_env; got 0"},
		"two hashes":       {`[{name: a, hash: H, hash_env: HASH, scopes: [write]}]`, "got 2"},
		"no such variable": {`[{name: a, hash_env: bf_topsecret, scopes: [write]}]`, "environment variable"},
		"no such file":     {`[{name: a, hash_file: bf_topsecret, scopes: [write]}]`, "a file that can be read"},
		"no scopes":        {`[{name: a, hash: H, scopes: []}]`, "want scopes"},
		"unknown scope":    {`[{name: a, hash: H, scopes: [writes]}]`, `one of write, read, admin (did you mean "write"?)`},
		"no name":          {`[{hash: H, scopes: [read]}]`, "want a name"},
		"same name":        {`[{name: a, hash: H, scopes: [read]}, {name: a, hash: I, scopes: [read]}]`, "a name of its own"},
		"same hash":        {`[{name: a, hash: H, scopes: [read]}, {name: b, hash: H, scopes: [read]}]`, "a hash of its own"},
		"token in clear":   {`[{name: a, token: bf_topsecret, scopes: [read]}]`, "auth.tokens[0].token: unknown key"},
		"no list":          {`bf_topsecret`, "a list of tokens"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HASH", config.FormatHash([32]byte{3}))
			text := strings.NewReplacer(": H,", ": "+config.FormatHash([32]byte{1})+",", ": I,", ": "+config.FormatHash([32]byte{2})+",").Replace(tc.tokens)
			_, err := config.Parse("belfry.yml", []byte("auth:\n  tokens: "+text+"\n"))
			require.ErrorContains(t, err, tc.want)
			require.Regexp(t, `^belfry.yml:2: auth\.tokens`, err.Error())
			require.NotContains(t, err.Error(), "bf_topsecret")
		})
	}
}

func TestWhatIsNoYAMLIsRefusedWithALine(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"syntax":         {"listen: a\n  b: [\n", "belfry.yml:"},
		"tab":            {"limits:\n\tseries: 1\n", "belfry.yml:2: want YAML"},
		"control":        {"listen: a\nlog: \x01\n", "belfry.yml:2: want text in UTF-8"},
		"latin-1":        {"a: 1\nb: \xe9\n", "belfry.yml:2: want text in UTF-8"},
		"two documents":  {"log: {}\n---\nlog: {}\n", "want one YAML document"},
		"list":           {"- a\n", "belfry.yml:1: want keys and values"},
		"word":           {"listen\n", "belfry.yml:1: want keys and values"},
		"unknown anchor": {"listen: *x\n", "belfry.yml:1: want YAML"},
		"nested key":     {"? [a]\n: b\n", "belfry.yml:1: want a plain word as key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("belfry.yml", []byte(tc.text))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestAMissingFileIsSaid(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "none.yml"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestADirectoryIsTakenLiterallyInFrontOfAGlob(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "city[1]")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "gas.yml"), nil, 0o600))
	c, err := config.Parse(filepath.Join(dir, "belfry.yml"), []byte(`rules: ["*.yml"]`))
	require.NoError(t, err)
	found, err := filepath.Glob(c.Rules[0])
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "gas.yml")}, found)

	c, err = config.Parse("belfry.yml", []byte(`rules: []`))
	require.NoError(t, err)
	require.NotNil(t, c.Rules, "none is not the same as the defaults")
	require.Empty(t, c.Rules)
}

func TestStrangersAreKeptOut(t *testing.T) {
	ctx := context.Background()
	for _, listen := range []string{"127.0.0.1:9400", "127.8.0.1:1", "[::1]:9400", "[::ffff:127.0.0.1]:1"} {
		c := config.Default()
		c.Listen = listen
		require.NoError(t, c.CheckExposure(ctx), listen)
	}
	for _, listen := range []string{"0.0.0.0:9400", "[::]:9400", ":9400", "10.0.0.5:9400", "[::ffff:10.0.0.5]:1", "no-such-name.invalid:9400"} {
		c, err := config.Parse("belfry.yml", []byte("data_dir: x\nlisten: \""+listen+"\"\n"))
		require.NoError(t, err, listen)
		err = c.CheckExposure(ctx)
		require.ErrorContains(t, err, "belfry.yml:2: listen: want tokens", listen)
		require.ErrorContains(t, err, "belfry token new")

		c.Auth.Tokens = []config.Token{{Name: "a"}}
		require.NoError(t, c.CheckExposure(ctx))
		c.Auth = config.Auth{Insecure: true}
		require.NoError(t, c.CheckExposure(ctx))
	}
	c := config.Default()
	c.Listen = "0.0.0.0:9400" // by a flag: no file to point at
	err := c.CheckExposure(ctx)
	require.ErrorContains(t, err, "listen: want tokens")
	require.False(t, errors.As(err, new(strict.Problems)))
	c, err = config.Parse("belfry.yml", []byte("listen: 127.0.0.1:9400"))
	require.NoError(t, err)
	c.Listen = "0.0.0.0:9400" // the file is not to blame
	require.NotContains(t, c.CheckExposure(ctx).Error(), "belfry.yml")
}

func TestSizesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config.Default()
		c.DiskReserve = rapid.Int64Range(0, 1<<50).Draw(t, "reserve")
		c.Limits.Late = time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "late")) * time.Millisecond
		c.Limits.Series = rapid.Int64Range(1, 1<<60).Draw(t, "series")
		got, err := config.Parse("", []byte(c.Redacted()))
		require.NoError(t, err)
		require.EqualExportedValues(t, c, got)
	})
}

func FuzzParse(f *testing.F) {
	f.Add(config.Example)
	f.Add(everything)
	f.Add("a: &a [*a]\nlisten: *a\n")
	f.Add("limits: {<<: {series: 1}}")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := config.Parse("belfry.yml", []byte(text))
		if err == nil {
			require.NotEmpty(t, c.Redacted())
			return
		}
		var problems strict.Problems
		require.ErrorAs(t, err, &problems)
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 2
		for _, p := range problems {
			require.Positive(t, p.Line, p.Text)
			require.LessOrEqual(t, p.Line, lines, p.Text)
			require.NotEmpty(t, p.Text)
		}
	})
}

func TestExternalAlertmanagersAreShownWithoutSecrets(t *testing.T) {
	const text = `pager:
  external:
    - http://belfry:topsecret@am1:9093
    - {url: http://am2:9093, basic_auth: {username: belfry, password: topsecret}}
`
	c, err := config.Parse("belfry.yml", []byte(text))
	require.NoError(t, err)
	require.Len(t, c.Pager.External, 2)
	require.NotContains(t, c.Redacted(), "topsecret")
	require.Contains(t, c.Redacted(), "http://am2:9093")
	moved, err := config.Parse("belfry.yml", []byte("# the same, further down\n"+text))
	require.NoError(t, err)
	require.Empty(t, c.NeedRestart(moved))
	other, err := config.Parse("belfry.yml", []byte("pager: {external: [http://am1:9093]}"))
	require.NoError(t, err)
	require.Equal(t, []string{"pager.external"}, c.NeedRestart(other))
}
