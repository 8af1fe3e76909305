package demo

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/belfry-city/belfry/internal/config"
)

const (
	mqttPort  = "1883"
	hj212Port = "9212"
	anyPort   = "0"
	// tryTopic is one that the demo's topics match.
	tryTopic = "city/yuzhong/W-1/line"
)

// listenForDevices turns on the inputs that are off by default, with topics for
// everything that says by itself what it is.
func listenForDevices(ctx context.Context, c *config.Config) {
	c.Inputs.MQTT.Listen = nearListen(ctx, c.Listen, mqttPort)
	c.Inputs.MQTT.Topics = []config.MQTTTopic{
		{Match: "city/+district/+asset/line", Decoder: "line"},
		{Match: "application/+/device/+/event/+", Decoder: "chirpstack"},
		{Match: "v3/+/devices/+/#", Decoder: "tts"},
		{Match: "frigate/#", Decoder: "frigate"},
		{Match: "city/+district/+asset/camera", Decoder: "camera"},
		{Match: "city/+district/+asset/parking", Decoder: "parking"},
	}
	c.Inputs.HJ212.Listen = nearListen(ctx, c.Listen, hj212Port)
	c.Limits.Late = max(c.Limits.Late, config.HJ212Late)
}

// nearListen is a port on the host that the demo listens on: any free one where
// another program has it, or where the demo itself is to take any.
func nearListen(ctx context.Context, listen, port string) string {
	host, own, err := net.SplitHostPort(listen)
	if err != nil || own == anyPort {
		return net.JoinHostPort(host, anyPort)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return net.JoinHostPort(host, anyPort)
	}
	if err == nil {
		_ = l.Close()
	}
	return net.JoinHostPort(host, port)
}

func port(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return port
}
