package config

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// MQTT is the embedded broker and the clients of external ones.
type MQTT struct {
	Listen         string // host:port; "": no broker
	TLS            bool   // the broker's, where Config.TLS has a certificate
	MaxPacket      int64  // bytes
	MaxConnections int64
	Memory         int64 // bytes of messages that wait
	Topics         []MQTTTopic
	Clients        []MQTTClient
}

// MQTTTopic says what reads messages, and with which labels. One without Match
// or Decoder has been refused.
type MQTTTopic struct {
	Match   string // a topic filter, with +name for a label
	Decoder string // its name
	Labels  map[string]string
	Place
}

// Place is where something stands in the file.
type Place struct {
	Key  string // such as inputs.mqtt.topics[0]
	Line int
}

// Problem is a problem with what stands there.
func (p Place) Problem(file, text string) strict.Problem {
	if p.Key != "" {
		text = p.Key + text
	}
	return strict.Problem{File: file, Line: p.Line, Text: text}
}

func placeOf(v strict.Value) Place { return Place{Key: v.Key(), Line: v.Line()} }

// MQTTClient is a client of an external broker.
type MQTTClient struct {
	Name          string // for metrics and logs
	URL           *url.URL
	Version       string // one of MQTTVersion5 and MQTTVersion311
	ClientID      string // "": one that the data directory keeps
	Username      string
	Password      string
	TLS           MQTTClientTLS
	Group         string // of a shared subscription; "": none
	QoS           byte
	KeepAlive     time.Duration
	SessionExpiry time.Duration // MQTT 5: how long the broker keeps messages while Belfry is away
	Retained      bool          // retained messages are readings, too
	Topics        []MQTTTopic   // nil: those of MQTT
	Place
}

// The values of MQTTClient.Version.
const (
	MQTTVersion5   = "5"
	MQTTVersion311 = "3.1.1"
)

// MQTTClientTLS is how a broker is trusted, and what it is shown.
type MQTTClientTLS struct {
	CA                 string // file in PEM; "": the machine's
	Cert, Key          string // files in PEM; "": none
	ServerName         string // "": the URL's
	InsecureSkipVerify bool
}

func defaultMQTT() MQTT {
	return MQTT{TLS: true, MaxPacket: 1 << 20, MaxConnections: 10_000, Memory: 64 << 20}
}

func defaultMQTTClient() MQTTClient {
	return MQTTClient{
		Version: MQTTVersion5, QoS: 1, KeepAlive: 30 * time.Second, SessionExpiry: 7 * 24 * time.Hour, Retained: true,
	}
}

// needRestart is what a reload does not change: all but the topics.
func (m MQTT) needRestart() MQTT {
	m.Topics = nil
	m.Clients = slices.Clone(m.Clients)
	for i := range m.Clients {
		m.Clients[i].Topics, m.Clients[i].Place = nil, Place{}
	}
	return m
}

// mqttExposed says what is wrong when strangers could publish and subscribe.
func (c *Config) mqttExposed(ctx context.Context) error {
	listen := c.Inputs.MQTT.Listen
	if listen == "" || c.Auth.Insecure || len(c.Auth.Tokens) > 0 || Loopback(ctx, listen) {
		return nil
	}
	return c.Problem("inputs.mqtt", "want tokens, because %s can be reached from beyond this machine; got none under auth.tokens. "+
		"Make one with `belfry token new --name NAME --scope write`, or listen on 127.0.0.1, "+
		"or open it to everyone with auth.insecure: true (flag --insecure)", listen)
}

func (p *parser) mqtt(v strict.Value, in *Inputs) {
	strict.Mapping(v, &in.MQTT, strict.Keys[MQTT]{
		"listen": func(v strict.Value, m *MQTT) {
			if text, ok := v.Text(); ok && text == "" {
				m.Listen = ""
				return
			}
			strict.Set(v, &m.Listen, strict.HostPort)
		},
		"tls":        func(v strict.Value, m *MQTT) { strict.Set(v, &m.TLS, onOff) },
		"max_packet": func(v strict.Value, m *MQTT) { strict.Set(v, &m.MaxPacket, strict.Size(1<<10, "1MiB")) },
		"max_connections": func(v strict.Value, m *MQTT) {
			strict.Set(v, &m.MaxConnections, strict.Whole("a whole number of connections", 1, 10_000))
		},
		"memory":  func(v strict.Value, m *MQTT) { strict.Set(v, &m.Memory, strict.Size(1<<20, "64MiB")) },
		"topics":  func(v strict.Value, m *MQTT) { m.Topics = p.mqttTopics(v) },
		"clients": p.mqttClients,
	})
	if m := in.MQTT; m.MaxPacket > m.Memory/2 || m.MaxPacket > mqttLargest {
		v.Refuse("want max_packet to be at most half of memory, and 256MiB; got %d bytes of %d", m.MaxPacket, m.Memory)
	}
}

// mqttLargest is the size of the largest packet in MQTT.
const mqttLargest = 268_435_455

func onOff(text string) (bool, string) {
	switch text {
	case "on", "true":
		return true, ""
	case "off", "false":
		return false, ""
	}
	return false, "on or off"
}

func (p *parser) mqttTopics(v strict.Value) []MQTTTopic {
	var topics []MQTTTopic
	before := v.Problems()
	strict.List(v, "a list of topics, each with match and decoder", func(v strict.Value) {
		t := MQTTTopic{Place: placeOf(v)}
		before := v.Problems()
		strict.Mapping(v, &t, strict.Keys[MQTTTopic]{
			"match": func(v strict.Value, t *MQTTTopic) {
				strict.Set(v, &t.Match, strict.Text("a topic, such as city/+district/+asset/reading"))
			},
			"decoder": func(v strict.Value, t *MQTTTopic) {
				strict.Set(v, &t.Decoder, strict.Text("the name of a decoder, such as line or json/NAME"))
			},
			"labels": func(v strict.Value, t *MQTTTopic) { t.Labels = p.labelMap(v) },
		})
		if v.Problems() == before && (t.Match == "" || t.Decoder == "") {
			v.Refuse("want match and decoder, such as {match: \"city/+district/+asset/reading\", decoder: line}")
		}
		topics = append(topics, t)
	})
	if v.Problems() > before && len(topics) == 0 {
		topics = []MQTTTopic{{Place: placeOf(v)}} // they are there, and wrong
	}
	return topics
}

func (p *parser) labelMap(v strict.Value) map[string]string {
	labels := map[string]string{}
	strict.Pairs(v, "labels and their values, such as {district: yuzhong}", func(name string, v strict.Value) {
		if _, want := labelName(name); want != "" {
			v.Refuse("want %s", want)
			return
		}
		var value string
		strict.Set(v, &value, strict.Text("a value for the label"))
		labels[name] = value
	})
	return labels
}

func (p *parser) mqttClients(v strict.Value, m *MQTT) {
	m.Clients = nil
	names := map[string]int{}
	strict.List(v, "a list of brokers to connect to, each with a url", func(v strict.Value) {
		c := mqttClientEntry{MQTTClient: defaultMQTTClient()}
		c.Place = placeOf(v)
		before := v.Problems()
		strict.Mapping(v, &c, p.mqttClientKeys())
		if v.Problems() > before {
			return
		}
		if c.URL == nil {
			v.Refuse("want url, such as mqtt://10.0.0.5:1883")
			return
		}
		if c.Name == "" {
			c.Name = c.URL.Host
		}
		switch {
		case names[c.Name] > 0:
			v.Refuse("want a name of its own; %q is already on line %d", c.Name, names[c.Name])
		case c.passwords > 1:
			v.Refuse("want at most one of password, password_file and password_env; got %d of them", c.passwords)
		case c.passwords == 1 && c.Username == "":
			v.Refuse("want a username with the password")
		case (c.TLS.Cert == "") != (c.TLS.Key == ""):
			v.Refuse("tls: want both cert and key, or neither; got one of them")
		case c.TLS != (MQTTClientTLS{}) && !c.Secure():
			v.Refuse("want a url with mqtts or wss, because tls is given; got %s", c.URL.Scheme)
		}
		names[c.Name] = v.Line()
		m.Clients = append(m.Clients, c.MQTTClient)
	})
}

// mqttClientEntry is a client while it is read.
type mqttClientEntry struct {
	MQTTClient
	passwords int // places that one was taken from
}

// Secure says whether the connection is one of TLS.
func (c *MQTTClient) Secure() bool { return c.URL.Scheme == "mqtts" || c.URL.Scheme == "wss" }

func (p *parser) mqttClientKeys() strict.Keys[mqttClientEntry] {
	type entry = mqttClientEntry
	return strict.Keys[entry]{
		"name":      func(v strict.Value, c *entry) { strict.Set(v, &c.Name, strict.Text("a name")) },
		"url":       func(v strict.Value, c *entry) { strict.Set(v.Hidden(), &c.URL, brokerAddress) },
		"version":   func(v strict.Value, c *entry) { strict.Set(v, &c.Version, strict.OneOf(MQTTVersion5, MQTTVersion311)) },
		"client_id": func(v strict.Value, c *entry) { strict.Set(v, &c.ClientID, clientID) },
		"username":  func(v strict.Value, c *entry) { strict.Set(v, &c.Username, strict.Text("a user's name")) },
		"password": func(v strict.Value, c *entry) {
			c.passwords++
			strict.Set(v.Hidden(), &c.Password, strict.Text("a password"))
		},
		"password_file": func(v strict.Value, c *entry) { p.mqttPasswordFile(v, c) },
		"password_env": func(v strict.Value, c *entry) {
			c.passwords++
			name, _ := v.Text()
			text, set := os.LookupEnv(name)
			if !set {
				v.Refuse("want the name of an environment variable that is set")
			}
			c.Password = text
		},
		"tls":   p.mqttClientTLS,
		"group": func(v strict.Value, c *entry) { strict.Set(v, &c.Group, shareName) },
		"qos": func(v strict.Value, c *entry) {
			var qos string
			strict.Set(v, &qos, strict.OneOf("0", "1", "2"))
			if qos != "" {
				c.QoS = qos[0] - '0'
			}
		},
		"keep_alive": func(v strict.Value, c *entry) { strict.Set(v, &c.KeepAlive, seconds(time.Second, 18*time.Hour, "30s")) },
		"session_expiry": func(v strict.Value, c *entry) {
			strict.Set(v, &c.SessionExpiry, seconds(0, 130*365*24*time.Hour, "7d"))
		},
		"retained": func(v strict.Value, c *entry) { strict.Set(v, &c.Retained, strict.Bool) },
		"topics":   func(v strict.Value, c *entry) { c.Topics = p.mqttTopics(v) },
	}
}

func (p *parser) mqttPasswordFile(v strict.Value, c *mqttClientEntry) {
	c.passwords++
	var path string
	p.path(v, &path)
	if path == "" {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		v.Refuse("want a file that can be read: %v", errors.Unwrap(err))
		return
	}
	c.Password = strings.TrimRight(string(text), "\r\n")
}

func (p *parser) mqttClientTLS(v strict.Value, c *mqttClientEntry) {
	strict.Mapping(v, &c.TLS, strict.Keys[MQTTClientTLS]{
		"ca":          func(v strict.Value, t *MQTTClientTLS) { p.optionalPath(v, &t.CA) },
		"cert":        func(v strict.Value, t *MQTTClientTLS) { p.optionalPath(v, &t.Cert) },
		"key":         func(v strict.Value, t *MQTTClientTLS) { p.optionalPath(v, &t.Key) },
		"server_name": func(v strict.Value, t *MQTTClientTLS) { strict.Set(v, &t.ServerName, strict.Free) },
		"insecure_skip_verify": func(v strict.Value, t *MQTTClientTLS) {
			strict.Set(v, &t.InsecureSkipVerify, strict.Bool)
		},
	})
}

// brokerAddress reads the URL of a broker. What others call tcp, ssl and tls is
// mqtt and mqtts here; a port that is left out is the usual one.
func brokerAddress(text string) (*url.URL, string) {
	const want = "the address of a broker, such as mqtt://10.0.0.5:1883, mqtts://broker.example.org:8883, ws:// or wss://, without user and password"
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, want
	}
	port := ""
	switch u.Scheme {
	case "mqtt", "tcp":
		u.Scheme, port = "mqtt", "1883"
	case "mqtts", "ssl", "tls":
		u.Scheme, port = "mqtts", "8883"
	case "ws":
		port = "80"
	case "wss":
		port = "443"
	default:
		return nil, want
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	if strings.HasPrefix(u.Scheme, "mqtt") && u.Path != "" && u.Path != "/" {
		return nil, want
	}
	return u, ""
}

func clientID(text string) (string, string) {
	const most = 256
	if _, want := strict.Text("a client identifier")(text); want != "" || len(text) > most {
		return "", fmt.Sprintf("a client identifier of at most %d bytes", most)
	}
	return text, ""
}

func shareName(text string) (string, string) {
	if strings.ContainsAny(text, "/+#") || strings.TrimSpace(text) == "" {
		return "", "the name of a group, without /, + and #"
	}
	return text, ""
}

// seconds is strict.Duration for whole seconds.
func seconds(least, most time.Duration, example string) strict.Scalar[time.Duration] {
	return func(text string) (time.Duration, string) {
		d, want := strict.Duration(least, example)(text)
		if want == "" && (d%time.Second != 0 || d > most) {
			return 0, "whole seconds, such as " + example
		}
		return d, want
	}
}
