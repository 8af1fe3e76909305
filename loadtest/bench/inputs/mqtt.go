package inputs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/belfry-city/belfry/loadtest/bench/server"
	"github.com/belfry-city/belfry/loadtest/mqtt"
)

// MQTTOptions say how messages are published.
type MQTTOptions struct {
	Publishers int
	// Window is how many messages of QoS 1 a publisher has under way.
	Window int
	// Readings are in each message.
	Readings int
	During   time.Duration
}

// MQTT publishes to a fresh Belfry, which acknowledges what is on disk. dir must
// exist.
func MQTT(ctx context.Context, b server.Belfry, dir string, o MQTTOptions) (row Row, err error) {
	addr, err := unusedAddress(ctx)
	if err != nil {
		return row, err
	}
	if dir, err = os.MkdirTemp(dir, "mqtt-"); err != nil {
		return row, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b.Inputs = fmt.Sprintf("{mqtt: {listen: %q, topics: [{match: \"city/+district/+asset/reading\", decoder: line}]}}", addr)
	s, err := server.Start(ctx, b, dir)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, s.Kill()) }()
	return publish(ctx, s.Name(), addr, o, s.Used)
}

// Mosquitto publishes the same to a bare mosquitto with its defaults: no
// subscriber, and nothing is written to disk.
func Mosquitto(ctx context.Context, binary string, o MQTTOptions) (row Row, err error) {
	addr, err := unusedAddress(ctx)
	if err != nil {
		return row, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return row, err
	}
	cmd := exec.CommandContext(ctx, binary, "-p", port)
	if err := cmd.Start(); err != nil {
		return row, fmt.Errorf("starting mosquitto: %w", err)
	}
	defer func() {
		err = errors.Join(err, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	}()
	if err := awaitPort(ctx, addr); err != nil {
		return row, err
	}
	return publish(ctx, "mosquitto", addr, o, func() (server.Usage, error) { return server.UsageOf(cmd.Process.Pid) })
}

func awaitPort(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", addr, err)
		}
	}
}

func publish(ctx context.Context, name, addr string, o MQTTOptions, used func() (server.Usage, error)) (row Row, err error) {
	// Readings of a publisher are a millisecond apart, far enough in the past for
	// as many as can be sent.
	const past = 20 * time.Hour
	start := time.Now().Add(-past).UnixMilli()
	before, err := used()
	if err != nil {
		return row, err
	}
	res, err := mqtt.Run(ctx, mqtt.Options{
		Addr: addr, Publishers: o.Publishers, Window: o.Window, QoS: 1, Duration: o.During,
		Messages: int(past.Milliseconds()),
		Topic:    func(p int) string { return fmt.Sprintf("city/yuzhong/W%04d/reading", p) },
		Payload:  func(to []byte, _, n int) []byte { return appendReadings(to, o.Readings, n, start+int64(n)) },
	})
	if err != nil {
		return row, fmt.Errorf("publishing to %s: %w", name, err)
	}
	after, err := used()
	if err != nil {
		return row, err
	}
	row = measured(name, "mqtt", before, after, res.Took, res.Latency)
	row.Messages, row.Samples = res.Messages, res.Messages*int64(o.Readings)
	row.Note = fmt.Sprintf("QoS 1, %d publishers, %d in flight, readings a message: %d", o.Publishers, o.Window, o.Readings)
	return row, nil
}

// appendReadings appends a line of so many readings.
func appendReadings(to []byte, readings, n int, at int64) []byte {
	names := [...]string{
		"ch4_lel_percent", "h2s_ppm", "co_ppm", "o2_percent", "level_m", "temperature_celsius", "battery_volts",
		"rssi_dbm", "tilt_degrees", "flow_m3_per_hour",
	}
	to = append(to, "well"...)
	for i := range min(readings, len(names)) {
		separator := byte(',')
		if i == 0 {
			separator = ' '
		}
		to = append(append(append(to, separator), names[i]...), '=')
		to = strconv.AppendFloat(to, float64((n+i)%1000)/10, 'f', 1, 64)
	}
	const nanoseconds = 1e6 // of a millisecond
	return strconv.AppendInt(append(to, ' '), at*nanoseconds, 10)
}

func unusedAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
