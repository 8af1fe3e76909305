package app

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sender publishes numbered messages of QoS 1 by MQTT 3.1.1 until it is told to
// stop. It connects again and again, and sends again what was not acknowledged.
// Message n of a sender is the value n at a time of its own.
type sender struct {
	addr   string
	number int
	window int
	// keep is for how long a message that was acknowledged is sent again with a
	// new connection: a broker that is not Belfry acknowledges before its disk.
	keep  time.Duration
	start int64 // nanoseconds

	mu    sync.Mutex
	acked int
	at    []time.Time // when each was acknowledged
	stop  chan struct{}
}

func newSender(addr string, number, window int, keep time.Duration) *sender {
	return &sender{
		addr: addr, number: number, window: window, keep: keep,
		start: time.Now().Add(-12 * time.Hour).Truncate(time.Millisecond).UnixNano(), stop: make(chan struct{}),
	}
}

func (s *sender) acknowledged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked
}

func (s *sender) stopped() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// run returns when everything that was begun is acknowledged.
func (s *sender) run() {
	sent := 0
	for !s.stopped() || s.acknowledged() < sent {
		conn, err := net.DialTimeout("tcp", s.addr, time.Second)
		if err != nil {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-s.stop:
				if s.acknowledged() == sent {
					return
				}
			}
			continue
		}
		sent = max(sent, s.talk(conn))
		_ = conn.Close()
	}
}

// talk uses one connection and returns how many messages have ever been sent.
func (s *sender) talk(conn net.Conn) (sent int) {
	hello := append([]byte{0x10, 0, 0, 4}, "MQTT\x04\x02\x00\x00"...)
	hello = appendText(hello, fmt.Sprintf("sender-%d", s.number))
	hello[1] = byte(len(hello) - 2)
	if _, err := conn.Write(hello); err != nil {
		return 0
	}
	var ack [4]byte
	if _, err := io.ReadFull(conn, ack[:]); err != nil || ack[3] != 0 {
		return 0
	}
	next := s.rewind()
	sent = next
	for first := next; ; {
		var out bytes.Buffer
		for next-first < s.window && !s.stopped() {
			out.Write(s.message(next))
			next++
		}
		sent = max(sent, next)
		if next == first {
			return sent
		}
		if _, err := conn.Write(out.Bytes()); err != nil {
			return sent
		}
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadFull(conn, ack[:]); err != nil {
			return sent
		}
		if binary.BigEndian.Uint16(ack[2:]) != uint16(first%65535+1) {
			return sent
		}
		first++
		s.note(first)
	}
}

func (s *sender) note(acked int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if acked > s.acked {
		s.acked = acked
		s.at = append(s.at, time.Now())
	}
}

// rewind is the first message to send on a new connection.
func (s *sender) rewind() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.acked
	for n > 0 && time.Since(s.at[n-1]) < s.keep {
		n--
	}
	return n
}

func (s *sender) message(n int) []byte {
	body := appendText(nil, fmt.Sprintf("city/yuzhong/S%d/reading", s.number))
	body = binary.BigEndian.AppendUint16(body, uint16(n%65535+1))
	body = fmt.Appendf(body, "torture n=%d %d", n, s.start+int64(n)*int64(time.Millisecond))
	return append([]byte{0x32, byte(len(body))}, body...)
}

func appendText(to []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(text))), text...)
}

// check says that each acknowledged message is stored, once.
func (s *sender) check(t *testing.T, base string) {
	t.Helper()
	acked := s.acknowledged()
	selector := fmt.Sprintf(`torture_n{asset="S%d"}`, s.number)
	stored := 0
	require.Eventually(t, func() bool {
		stored = storedCount(t, base, selector)
		return stored >= acked
	}, time.Minute, 50*time.Millisecond, "acknowledged: %d", acked)
	require.LessOrEqual(t, stored, acked+s.window, "no reading is stored that nobody sent")
	t.Logf("sender %d: %d acknowledged, %d stored", s.number, acked, stored)
}

func freeTCP(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// TestTortureMQTTByKill kills Belfry with its embedded broker under load. What
// was acknowledged to a publisher is stored.
func TestTortureMQTTByKill(t *testing.T) {
	dir, addr := t.TempDir(), freeTCP(t)
	put(t, dir, "belfry.yml", "listen: 127.0.0.1:0\nrules: []\ninputs:\n  mqtt:\n    listen: "+addr+mqttTopicsText)
	c := startChild(t, dir)
	var senders []*sender
	var running sync.WaitGroup
	for i := range 4 {
		s := newSender(addr, i, 20, 0)
		senders = append(senders, s)
		running.Go(s.run)
	}
	for life := range kills() {
		before := senders[0].acknowledged()
		require.Eventually(t, func() bool { return senders[0].acknowledged() > before+300+100*life }, time.Minute, time.Millisecond)
		c.end(t, syscall.SIGKILL)
		c = startChild(t, dir)
	}
	for _, s := range senders {
		close(s.stop)
	}
	running.Wait()
	for _, s := range senders {
		s.check(t, c.url)
	}
	c.end(t, syscall.SIGTERM)
}

// mosquitto is a real one with persistence.
type mosquitto struct {
	addr, dir string
	more      string // of its configuration
	cmd       *exec.Cmd
}

func startMosquitto(t *testing.T, m *mosquitto) {
	t.Helper()
	_, port, err := net.SplitHostPort(m.addr)
	require.NoError(t, err)
	user := ""
	if os.Getuid() == 0 {
		user = "user root\n" // or it becomes another, who cannot write here
	}
	put(t, m.dir, "mosquitto.conf", fmt.Sprintf("%slistener %s 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location %s/\n"+
		"autosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0\nmax_inflight_messages 1000\n%s", user, port, m.dir, m.more))
	m.cmd = exec.Command(sbin(t, "mosquitto"), "-c", filepath.Join(m.dir, "mosquitto.conf"))
	require.NoError(t, m.cmd.Start())
	cmd := m.cmd
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", m.addr)
		return err == nil && conn.Close() == nil
	}, 20*time.Second, 10*time.Millisecond)
}

func (m *mosquitto) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, m.cmd.Process.Kill())
	var exit *exec.ExitError
	require.True(t, errors.As(m.cmd.Wait(), &exit))
}

// TestTortureMQTTClientByKill kills both Belfry and the mosquitto that it reads
// from, in turn, while publishers go on.
func TestTortureMQTTClientByKill(t *testing.T) {
	for _, version := range []string{"5", "3.1.1"} {
		t.Run("MQTT "+version, func(t *testing.T) {
			dir := t.TempDir()
			m := &mosquitto{addr: freeTCP(t), dir: t.TempDir()}
			put(t, dir, "belfry.yml", fmt.Sprintf("listen: 127.0.0.1:0\nrules: []\ninputs:\n  mqtt:\n    clients: [{url: \"mqtt://%s\", version: %s, name: far}]%s", m.addr, version, mqttTopicsText))
			startMosquitto(t, m)
			c := startChild(t, dir)
			awaitConnected(t, c)
			// A mosquitto that is killed forgets what it has acknowledged but not
			// written yet.
			senders := []*sender{newSender(m.addr, 0, 5, 3*time.Second), newSender(m.addr, 1, 1, 3*time.Second)}
			var running sync.WaitGroup
			for _, s := range senders {
				running.Go(s.run)
			}
			progress := func() {
				before := senders[0].acknowledged()
				require.Eventually(t, func() bool { return senders[0].acknowledged() > before+200 }, time.Minute, time.Millisecond)
			}
			for range kills() {
				progress()
				c.end(t, syscall.SIGKILL)
				progress()
				c = startChild(t, dir)
				progress()
				m.kill(t)
				startMosquitto(t, m)
				progress()
				awaitConnected(t, c)
			}
			for _, s := range senders {
				close(s.stop)
			}
			running.Wait()
			for _, s := range senders {
				s.check(t, c.url)
			}
			c.end(t, syscall.SIGTERM)
		})
	}
}

func awaitConnected(t *testing.T, c *child) {
	t.Helper()
	require.Eventually(t, func() bool {
		return seriesIn([]byte(getText(t, c.url+"/metrics")), `belfry_mqtt_connected{client="far"}`) == "1"
	}, 30*time.Second, 10*time.Millisecond)
}

func getText(t *testing.T, from string) string {
	t.Helper()
	resp, err := http.Get(from)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(text)
}
