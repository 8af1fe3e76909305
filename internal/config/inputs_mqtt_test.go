package config

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEverySettingOfMQTTIsRead(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("from a file\n"), 0o600))
	t.Setenv("BELFRY_TEST_MQTT", "from the environment")
	c, err := Parse(filepath.Join(dir, "belfry.yml"), []byte(`
inputs:
  mqtt:
    listen: :1883
    tls: off
    max_packet: 64KiB
    max_connections: 20
    memory: 1MiB
    topics:
      - {match: "a/+b", decoder: line, labels: {site: north}}
    clients:
      - url: ssl://broker.example.org
        name: one
        version: 3.1.1
        client_id: me
        username: u
        password_file: secret
        tls: {ca: ca.pem, cert: c.pem, key: k.pem, server_name: x, insecure_skip_verify: true}
        group: g
        qos: 2
        keep_alive: 10s
        session_expiry: 1h
        retained: false
        topics: [{match: c, decoder: tts}]
      - {url: "tcp://[::1]:2000", username: u, password_env: BELFRY_TEST_MQTT}
`))
	require.NoError(t, err)
	in := func(name string) string { return filepath.Join(dir, name) }
	require.Equal(t, MQTT{
		Listen: ":1883", MaxPacket: 64 << 10, MaxConnections: 20, Memory: 1 << 20,
		Topics: []MQTTTopic{{Match: "a/+b", Decoder: "line", Labels: map[string]string{"site": "north"}, Place: Place{"inputs.mqtt.topics[0]", 10}}},
		Clients: []MQTTClient{{
			Name: "one", URL: &url.URL{Scheme: "mqtts", Host: "broker.example.org:8883"}, Version: MQTTVersion311, ClientID: "me",
			Username: "u", Password: "from a file",
			TLS:   MQTTClientTLS{CA: in("ca.pem"), Cert: in("c.pem"), Key: in("k.pem"), ServerName: "x", InsecureSkipVerify: true},
			Group: "g", QoS: 2, KeepAlive: 10 * time.Second, SessionExpiry: time.Hour,
			Topics: []MQTTTopic{{Match: "c", Decoder: "tts", Place: Place{"inputs.mqtt.clients[0].topics[0]", 24}}}, Place: Place{"inputs.mqtt.clients[0]", 12},
		}, {
			Name: "[::1]:2000", URL: &url.URL{Scheme: "mqtt", Host: "[::1]:2000"}, Version: MQTTVersion5, Username: "u", Password: "from the environment",
			QoS: 1, KeepAlive: 30 * time.Second, SessionExpiry: 7 * 24 * time.Hour, Retained: true, Place: Place{"inputs.mqtt.clients[1]", 25},
		}},
	}, c.Inputs.MQTT)
	require.True(t, c.Inputs.MQTT.Clients[0].Secure())
}

func TestMistakesInMQTTSayWhatWouldBeRight(t *testing.T) {
	for text, want := range map[string]string{
		"tls: maybe":           "want on or off",
		"listen: somewhere":    "want host:port",
		"max_packet: 1":        "at least 1024 bytes",
		"topics: [{match: a}]": "want match and decoder",
		"topics: [{match: a, decoder: line, labels: {a-b: c}}]": "want a label name",
		"clients: [{name: x}]":                                                               "want url",
		"clients: [{url: 'http://x'}]":                                                       "want the address of a broker",
		"clients: [{url: 'mqtt://x', qos: 3}]":                                               "want one of 0, 1, 2",
		"clients: [{url: 'mqtt://x', version: 4}]":                                           "want one of 5, 3.1.1",
		"clients: [{url: 'mqtt://x', group: a/b}]":                                           "want the name of a group",
		"clients: [{url: 'mqtt://x', keep_alive: 100ms}]":                                    "at least 1s",
		"clients: [{url: 'mqtt://x', keep_alive: 1500ms}]":                                   "want whole seconds",
		"clients: [{url: 'mqtt://x', password: p}]":                                          "want a username with the password",
		"clients: [{url: 'mqtt://x', username: u, password_file: nowhere}]":                  "want a file that can be read",
		"clients: [{url: 'mqtt://x', username: u, password_env: NO_SUCH_VARIABLE}]":          "environment variable",
		"clients: [{url: 'mqtts://x', tls: {cert: c.pem}}]":                                  "want both cert and key",
		"clients: [{url: 'mqtt://x', name: a}, {url: 'mqtt://y', name: a}]":                  "want a name of its own",
		"clients: [{url: 'mqtt://x', username: u, password: s3cret, password_env: HOME}, 7]": "want at most one of password",
	} {
		_, err := Parse("belfry.yml", []byte("inputs:\n  mqtt:\n    "+text+"\n"))
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "s3cret")
	}
}

func TestOnlyTheTopicsOfMQTTChangeWithoutARestart(t *testing.T) {
	parse := func(text string) *Config {
		c, err := Parse("belfry.yml", []byte("inputs:\n  mqtt:\n    "+text+"\n"))
		require.NoError(t, err)
		return c
	}
	old := parse("topics: [{match: a, decoder: line}]\n    clients: [{url: 'mqtt://x', topics: [{match: b, decoder: line}]}]")
	require.Empty(t, old.NeedRestart(parse("topics: [{match: c, decoder: line}]\n\n    clients: [{url: 'mqtt://x'}]")))
	require.Equal(t, []string{"inputs"}, old.NeedRestart(parse("clients: [{url: 'mqtt://y'}]")))
	require.Equal(t, []string{"inputs"}, old.NeedRestart(parse("listen: 127.0.0.1:1883\n    clients: [{url: 'mqtt://x'}]")))
}
