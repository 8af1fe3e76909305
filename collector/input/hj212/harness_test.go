package hj212

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/inputtest"
	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
	device "github.com/belfry-city/belfry/loadtest/hj212"
)

// desk stands for the intake: it decodes what it is handed and answers when it
// is told to.
type desk struct {
	t       *testing.T
	mu      sync.Mutex
	lines   []string // what was decoded
	bodies  []string
	refused []intake.Refused
	held    []func() // while hold is set
	hold    bool
	fail    error
}

func (d *desk) Submit(_ context.Context, m *input.Message, dec input.Decoder, done func(intake.Result, error)) error {
	var b reading.Batch
	var w reading.Builder
	w.Reset(&b)
	w.Message(m.Body)
	dec.Decode(m, &w)
	w.Done()
	res := intake.Result{Samples: b.Samples(), Refused: len(b.Refusals)}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, strings.Split(strings.TrimSuffix(inputtest.Spell(d.t, dec, m), "\n"), "\n")...)
	d.bodies = append(d.bodies, string(m.Body))
	err := d.fail
	if d.hold {
		d.held = append(d.held, func() { done(res, err) })
		return nil
	}
	done(res, err)
	return nil
}

func (d *desk) Refuse(from intake.Source, r reading.Refusal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.Raw = bytes.Clone(r.Raw)
	d.refused = append(d.refused, intake.Refused{Source: from, Refusal: r})
}

// release answers what was held back.
func (d *desk) release() {
	d.mu.Lock()
	held := d.held
	d.held, d.hold = nil, false
	d.mu.Unlock()
	for _, done := range held {
		done()
	}
}

func (d *desk) decoded() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.lines...)
}

func (d *desk) reasons() (all []reading.Reason) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.refused {
		all = append(all, r.Reason)
	}
	return all
}

// hall is a server and those who talk to it.
type hall struct {
	*Server
	t    *testing.T
	desk *desk
	addr string
	set  *metrics.Set
}

const testMN, testPW = "010000A8900016F000169DC0", "123456"

func startServer(t *testing.T, change func(*Options)) *hall {
	t.Helper()
	h := &hall{t: t, desk: &desk{t: t}, set: metrics.NewSet()}
	o := Options{
		Queue: h.desk, Refuser: h.desk, Decoder: testDecoder(t),
		Stations: []Station{{MN: testMN, Password: testPW}, {MN: "B", Password: "other", Labels: []input.Label{{Name: "asset", Value: "b"}}}},
		Zone:     shanghai(), MaxSegment: 4096, MaxConnections: 100,
		IdleTime: time.Minute, FrameTime: time.Minute, PartTime: time.Minute, AnswerTime: time.Minute, HeartbeatAnswer: cnStored,
		Metrics: h.set, Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	h.Server = New(o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h.addr = l.Addr().String()
	h.Serve(l)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		h.desk.release()
		require.NoError(t, h.Stop(ctx))
	})
	return h
}

func (h *hall) dial() *talk {
	h.t.Helper()
	c, err := device.Dial(h.addr)
	require.NoError(h.t, err)
	h.t.Cleanup(func() { _ = c.Close() })
	return &talk{h.t, c}
}

// talk is a connection of a device.
type talk struct {
	t *testing.T
	*device.Conn
}

const soon = 10 * time.Second

func (c *talk) send(segments ...string) {
	c.t.Helper()
	for _, s := range segments {
		_, err := c.Write(device.Frame(s))
		require.NoError(c.t, err)
	}
}

// hears waits for an answer and says it.
func (c *talk) hears() string {
	c.t.Helper()
	a, err := c.Receive(soon)
	require.NoError(c.t, err)
	return a.Segment
}

// hearsNothingBefore asks for the answer to a heartbeat, and for nothing before
// it.
func (c *talk) hearsNothingBefore() {
	c.t.Helper()
	c.send(segmentOf("7", cnHeartbeat, 5, ""))
	require.Equal(c.t, ack("7", 4), c.hears())
}

func (c *talk) isClosed() {
	c.t.Helper()
	_, err := c.Receive(soon)
	require.Error(c.t, err)
	var timeout net.Error
	require.False(c.t, errors.As(err, &timeout) && timeout.Timeout(), "the connection should be closed")
}

func segmentOf(qn string, cn, flag int, area string) string {
	return device.Device{MN: testMN, PW: testPW, ST: "32"}.Segment(qn, cn, flag, area)
}

func ack(qn string, flag int) string {
	return fmt.Sprintf("QN=%s;ST=91;CN=9014;PW=%s;MN=%s;Flag=%d;CP=&&&&", qn, testPW, testMN, flag)
}

func eventually(t *testing.T, ok func() bool, why string) {
	t.Helper()
	require.Eventually(t, ok, soon, time.Millisecond, why)
}
