package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/input/mqtt"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/config/strict"
	"github.com/belfry-city/belfry/internal/httpapi/access"
)

// mqttInput is the embedded broker and the clients of external ones.
type mqttInput struct {
	broker  *mqtt.Broker // may be nil
	clients []*mqtt.Client
	names   []string // of the clients
	addr    net.Addr // of the broker
}

// lineDecoders are for line protocol with timestamps of several precisions.
func lineDecoders(c *config.Config) decoders {
	all := decoders{}
	for name, precision := range map[string]time.Duration{
		"line": time.Nanosecond, "line/us": time.Microsecond, "line/ms": time.Millisecond, "line/s": time.Second,
	} {
		all[name] = lineproto.NewDecoder(precision, int(c.Limits.Line))
	}
	return all
}

func (a *App) startMQTT(c *config.Config) error {
	m := c.Inputs.MQTT
	if m.Listen == "" && len(m.Clients) == 0 {
		return nil
	}
	topics, err := readMQTT(c, *a.decoders.Load())
	if err != nil {
		return err
	}
	queue := a.intake.NewQueue(mqtt.Name, m.Memory)
	ctx, cancel := context.WithCancel(context.Background())
	var work conc.WaitGroup
	work.Go(func() { queue.Run(ctx) })
	a.onClose(func() error {
		cancel()
		work.Wait()
		return nil
	})
	if err := a.startBroker(c, queue, topics); err != nil {
		return err
	}
	if len(m.Clients) == 0 {
		return nil
	}
	dir := filepath.Join(c.DataDir, mqtt.Name)
	id, err := mqttID(dir)
	if err != nil {
		return fmt.Errorf("MQTT clients: %w", err)
	}
	for _, client := range m.Clients {
		if err := a.startMQTTClient(c, client, queue, topics.clients[client.Name], dir, id); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) startBroker(c *config.Config, queue mqtt.Queue, topics mqttTopics) error {
	m := c.Inputs.MQTT
	if m.Listen == "" {
		return nil
	}
	l, err := net.Listen("tcp", m.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s (key inputs.mqtt.listen): %w", m.Listen, err)
	}
	a.mqtt.addr = l.Addr()
	secured := m.TLS && c.TLS.Cert != ""
	if secured {
		cert, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
		if err != nil {
			return errors.Join(fmt.Errorf("key tls: %w", err), l.Close())
		}
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}})
	}
	b, err := mqtt.NewBroker(mqtt.BrokerOptions{
		Listener: l, Queue: queue, Refuser: a.intake, Door: mqttDoor{a.guard}, Topics: topics.broker,
		MaxPacket: int(m.MaxPacket), MaxConnections: int(m.MaxConnections), Memory: m.Memory,
		Logger: a.logger.With("component", "mqtt"), Metrics: a.opts.Metrics,
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	a.onClose(func() error { return a.finish(b.Stop) })
	if err := b.Start(); err != nil {
		return err
	}
	a.mqtt.broker = b
	a.logger.Info("listening for MQTT", "address", a.mqtt.addr.String(), "tls", secured, "topics", len(topics.broker))
	if len(topics.broker) == 0 {
		a.logger.Warn("inputs.mqtt.topics is empty: no message is stored")
	}
	return nil
}

func (a *App) startMQTTClient(c *config.Config, m config.MQTTClient, queue mqtt.Queue, topics mqtt.Topics, dir, id string) error {
	o := mqtt.ClientOptions{
		Name: m.Name, URL: m.URL, V5: m.Version == config.MQTTVersion5, ClientID: m.ClientID,
		Username: m.Username, Password: m.Password, Group: m.Group, QoS: m.QoS,
		KeepAlive: m.KeepAlive, SessionExpiry: m.SessionExpiry, Retained: m.Retained,
		MaxPacket: int(c.Inputs.MQTT.MaxPacket), Topics: topics, Queue: queue,
		State:  filepath.Join(dir, url.PathEscape(m.Name)+".json"),
		Logger: a.logger.With("component", "mqtt"), Metrics: a.opts.Metrics,
	}
	if o.ClientID == "" {
		o.ClientID = fmt.Sprintf("belfry-%s-%s", id, m.Name)
	}
	if m.Secure() {
		var err error
		if o.TLS, err = clientTLS(m.TLS); err != nil {
			return strict.Problems{m.Problem(c.File, ".tls: "+err.Error())}
		}
	}
	client := mqtt.NewClient(o)
	a.onClose(func() error { return a.finish(client.Stop) })
	a.mqtt.clients, a.mqtt.names = append(a.mqtt.clients, client), append(a.mqtt.names, m.Name)
	return client.Start()
}

func clientTLS(t config.MQTTClientTLS) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: want certificates in PEM; %s has none", t.CA)
		}
	}
	if t.Cert != "" {
		cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("want a certificate and its key in PEM: %w", err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c, nil
}

// mqttID tells this Belfry from others to brokers. It stays with the data, since
// brokers keep messages for it.
func mqttID(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "id")
	data, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(data))) > 0 {
		return strings.TrimSpace(string(data)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	id := hex.EncodeToString(random[:])
	return id, os.WriteFile(path, []byte(id+"\n"), 0o600)
}

// reloadMQTT changes what becomes of messages, also of clients that are
// connected.
func (a *App) reloadMQTT(topics mqttTopics) {
	if a.mqtt.broker != nil {
		a.mqtt.broker.SetTopics(topics.broker)
	}
	for i, client := range a.mqtt.clients {
		if ts, ok := topics.clients[a.mqtt.names[i]]; ok {
			client.SetTopics(ts)
		}
	}
}

// MQTTAddr is the address of the embedded broker, or nil.
func (a *App) MQTTAddr() net.Addr { return a.mqtt.addr }

// mqttDoor shows the tokens to the broker.
type mqttDoor struct{ guard *access.Guard }

func (d mqttDoor) Enter(user, secret string) (mqtt.Rights, bool) {
	bearer, ok := d.guard.Enter(user, secret)
	if !ok {
		return nil, false
	}
	return mqttRights{bearer}, true
}

type mqttRights struct{ bearer *access.Bearer }

func (r mqttRights) MayPublish() bool   { return r.bearer.May(access.Write) }
func (r mqttRights) MaySubscribe() bool { return r.bearer.May(access.Read) }
