package mqtt

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/reading"
)

// bystander is a client that publishes while others misbehave.
type bystander struct {
	*wire
	sent int
}

func (s *station) bystander() *bystander {
	s.t.Helper()
	return &bystander{wire: s.connect(connecting{id: "bystander", v5: true})}
}

// undisturbed publishes and is acknowledged.
func (b *bystander) undisturbed() {
	b.t.Helper()
	b.sent++
	b.publish("city/yuzhong/by/reading", 1, uint16(b.sent), fmt.Sprintf("gas ch4=%d", b.sent))
	require.Equal(b.t, fmt.Sprintf("PUBACK %d", b.sent), b.answer())
}

func TestABrokenPacketEndsItsConnectionOnlyAndSaysWhy(t *testing.T) {
	s := newStation(t)
	by := s.bystander()
	refused := uint64(0)
	for name, c := range map[string]struct {
		packet []byte
		code   byte
	}{
		"QoS 3":                         {packet(3, 6, append(text(wellTopic), 0, 1, 0, 'x')), codeMalformed},
		"no topic":                      {packet(3, 0, append(text(""), 0, 'x')), codeProtocolError},
		"a topic that ends early":       {packet(3, 0, []byte{0, 9, 'a'}), codeMalformed},
		"no identifier":                 {packet(3, 2, text(wellTopic)), codeMalformed},
		"identifier 0":                  {packet(3, 2, append(text(wellTopic), 0, 0, 0, 'x')), codeProtocolError},
		"NUL in the topic":              {packet(3, 0, append(text("a\x00b"), 0, 'x')), codeMalformed},
		"a topic that is no UTF-8":      {packet(3, 0, append(text("a\xffb"), 0, 'x')), codeMalformed},
		"properties that end early":     {packet(3, 0, append(text(wellTopic), 9, 1)), codeMalformed},
		"a property of another packet":  {packet(3, 0, append(text(wellTopic), 3, 0x21, 0, 1)), codeMalformed},
		"a property without its end":    {packet(3, 0, append(text(wellTopic), 4, 0x26, 0, 1, 'a')), codeMalformed},
		"alias 0":                       {packet(3, 0, append(text(wellTopic), 3, 0x23, 0, 0)), codeAliasInvalid},
		"an alias beyond the maximum":   {packet(3, 0, append(text(wellTopic), 3, 0x23, 9, 9)), codeAliasInvalid},
		"an alias nobody made":          {packet(3, 0, append(text(""), 3, 0x23, 0, 9)), codeProtocolError},
		"PUBREL without an identifier":  {packet(6, 2, nil), codeMalformed},
		"PUBREL with other flags":       {packet(6, 0, []byte{0, 1}), codeMalformed},
		"a length of five bytes":        {[]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0x7f}, codeMalformed},
		"a huge packet":                 {[]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, codeTooLarge},
		"a huge subscription":           {[]byte{0x82, 0xff, 0xff, 0xff, 0x7f}, codeTooLarge},
		"type 0":                        {packet(0, 0, nil), codeMalformed},
		"AUTH out of the blue":          {packet(15, 0, []byte{0x18, 0}), codeProtocolError},
		"what only brokers send":        {packet(13, 0, nil), codeProtocolError},
		"a second CONNECT":              {connectPacket(connecting{id: "bad", v5: true}), codeProtocolError},
		"PINGREQ with flags":            {packet(12, 2, nil), codeMalformed},
		"SUBSCRIBE with other flags":    {packet(8, 0, append(append([]byte{0, 1, 0}, text("a")...), 1)), codeMalformed},
		"SUBSCRIBE without a filter":    {packet(8, 2, []byte{0, 1, 0}), codeProtocolError},
		"SUBSCRIBE without properties":  {packet(8, 2, []byte{0, 1}), codeMalformed},
		"SUBSCRIBE that ends early":     {packet(8, 2, append([]byte{0, 1, 0}, text("a")...)), codeMalformed},
		"SUBSCRIBE with QoS 3":          {packet(8, 2, append(append([]byte{0, 1, 0}, text("a")...), 3)), codeProtocolError},
		"UNSUBSCRIBE without a filter":  {packet(10, 2, []byte{0, 1, 0}), codeProtocolError},
		"UNSUBSCRIBE with identifier 0": {packet(10, 2, append([]byte{0, 0, 0}, text("a")...)), codeProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.connect(connecting{id: "bad", v5: true})
			w.send(c.packet)
			require.True(t, strings.HasPrefix(w.answer(), fmt.Sprintf("DISCONNECT %#x", c.code)))
			w.ended()
			refused++
			s.eventually(`belfry_mqtt_disconnects_total{reason="protocol"}`, refused)
			by.undisturbed()
		})
	}
	require.Zero(t, s.count(`belfry_mqtt_panics_total`))
	require.EqualValues(t, by.sent, sum(s.stored()))
}

func TestWhatIsNoMQTTIsDisconnected(t *testing.T) {
	s := newStation(t)
	by := s.bystander()
	for _, bytes := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "\x30\x05\x00\x01ax", "\x10\x00", "\x10\x02\x00\x04",
		"\x10\x0a\x00\x04MQTT\x04\x02\x00\x00", "\x10\xff\xff\xff\x7f", "\xf0\x00", "\x00\x00",
		string(packet(1, 0, append(append(text("MQTT"), 9, 2, 0, 0), text("v9")...))),
		string(packet(1, 0, append(append(text("NOPE"), 4, 2, 0, 0), text("x")...))),
		string(packet(1, 0, append(append(text("MQTT"), 4, 0x40, 0, 0), text("x")...))), // a password without its flag's bytes
		string(packet(1, 0, append(append(text("MQTT"), 4, 4, 0, 0), text("x")...))),    // a will that is not there
		string(packet(1, 0, append(append(text("MQTT"), 5, 2, 0, 0, 200), text("x")...))),
	} {
		w := s.dial()
		w.send([]byte(bytes))
		w.ended()
		by.undisturbed()
	}
	require.Zero(t, s.count(`belfry_mqtt_panics_total`))
}

func TestAMessageToATopicWithAWildcardIsRefusedAndTheConnectionGoesOn(t *testing.T) {
	s := newStation(t)
	w := s.connect(connecting{id: "d", v5: true})
	w.publish("city/+/W17/reading", 1, 1, "gas ch4=1")
	require.Equal(t, "PUBACK 1 0x90 syntax: the topic has a wildcard", w.answer())
	w.publish("$SYS/broker/uptime", 1, 2, "1")
	require.Contains(t, w.answer(), "PUBACK 2 0x90 unknown_source")
	old := s.connect(connecting{id: "o"})
	old.publish("city/#", 1, 1, "gas ch4=1")
	require.Equal(t, "PUBACK 1", old.answer())
	require.EqualValues(t, 2, s.count(refusedFor(reading.ReasonSyntax)))
	require.Empty(t, s.stored())
}

func TestAnOversizedMessageOfAnOldClientIsAcknowledgedSoThatItIsNotSentForEver(t *testing.T) {
	s := newStation(t)
	w := s.connect(connecting{id: "d"})
	for i, qos := range []byte{1, 2, 0} {
		w.publish(wellTopic, qos, uint16(i+1), strings.Repeat("x", 600<<10))
	}
	w.publish(wellTopic, 1, 9, "gas ch4=1")
	require.Equal(t, []string{"PUBACK 1", "PUBREC 2", "PUBACK 9"}, []string{w.answer(), w.answer(), w.answer()})
	require.EqualValues(t, 3, s.count(refusedFor(reading.ReasonTooLarge)))
	require.Equal(t, 1, sum(s.stored()))

	five := s.connect(connecting{id: "five", v5: true})
	five.send(five.message(wellTopic, 1, 1, strings.Repeat("x", 300<<10))[:100])
	require.Contains(t, five.answer(), "DISCONNECT 0x95")
	five.ended()
}

func TestMessagesMayComeInAnyPieces(t *testing.T) {
	s := newStation(t)
	w := s.connect(connecting{id: "d", v5: true})
	big := "gas ch4=1\n# " + strings.Repeat("y", 100<<10) + "\n"
	var all []byte
	for i := range 20 {
		all = append(all, w.message(wellTopic, 1, uint16(i+1), big)...)
		all = append(all, 0xc0, 0)
	}
	go func() {
		for len(all) > 0 {
			n := min(len(all), 1+len(all)%3001)
			if _, err := w.conn.Write(all[:n]); err != nil {
				return
			}
			all = all[n:]
		}
	}()
	acks, pongs := 0, 0
	for acks < 20 || pongs < 20 {
		if a := w.answer(); a == "PINGRESP" {
			pongs++
		} else {
			acks++
			require.Equal(t, fmt.Sprintf("PUBACK %d", acks), a)
		}
	}
	require.Equal(t, 20, sum(s.stored()))
}

func TestSilentAndHalfConnectionsEnd(t *testing.T) {
	s := newStation(t, func(o *BrokerOptions) { o.ConnectTime = 100 * time.Millisecond })
	s.dial().ended()
	half := s.dial()
	half.send([]byte{0x10, 0x20, 0x00})
	half.ended()

	w := s.connect(connecting{id: "d", v5: true, keepAlive: 1})
	w.send(w.message(wellTopic, 1, 1, "gas ch4=1")[:10])
	require.Equal(t, "DISCONNECT 0x8d", w.answer(), "half a message within the keep-alive is none")
	w.ended()
	require.EqualValues(t, 3, s.count(`belfry_mqtt_disconnects_total{reason="timeout"}`))
	require.Empty(t, s.stored())
}

func TestAClientMayBeSilentForOneAndAHalfOfItsKeepAlive(t *testing.T) {
	s := newStation(t)
	for seconds, want := range map[uint16]time.Duration{0: 0, 1: 1500 * time.Millisecond, 30: 45 * time.Second, 65535: 98302500 * time.Millisecond} {
		w := s.connect(connecting{id: "d", keepAlive: seconds})
		w.send([]byte{0xc0, 0})
		require.Equal(t, "PINGRESP", w.answer())
		cl, ok := s.server.Clients.Get("d")
		require.True(t, ok)
		require.Equal(t, want, time.Duration(connOf(cl).idle.Load()))
	}
}

func TestMessagesKeepAConnectionAlive(t *testing.T) {
	s := newStation(t)
	w := s.connect(connecting{id: "d", keepAlive: 1})
	for i := range 15 {
		w.publish(wellTopic, 1, uint16(i+1), fmt.Sprintf("gas ch4=%d", i))
		require.Equal(t, fmt.Sprintf("PUBACK %d", i+1), w.answer())
		_, _, _, err := w.next(100 * time.Millisecond) // the time between two readings
		require.ErrorContains(t, err, "timeout")
	}
}

func TestThousandConnectionsHarmNobodyAndTooManyAreTurnedAway(t *testing.T) {
	s := newStation(t, func(o *BrokerOptions) { o.MaxConnections = 1000 })
	by := s.bystander()
	for i := range 500 {
		w := s.connect(connecting{id: fmt.Sprint(i)})
		w.publish(wellTopic, 0, 0, "gas ch4=1")
	}
	for range 499 {
		s.dial()
	}
	by.undisturbed()
	over := s.dial()
	over.ended()
	require.EqualValues(t, 1, s.count(`belfry_mqtt_disconnects_total{reason="too_many"}`))
	s.eventually(outcomeStored, 501)
	by.undisturbed()
}

func TestTwoClientsOfOneNameTakeTurnsAndOthersDoNotNotice(t *testing.T) {
	s := newStation(t)
	by := s.bystander()
	var last *wire
	for i := range 100 {
		w := s.connect(connecting{id: "same", v5: i%2 == 0})
		w.publish(wellTopic, 1, 1, fmt.Sprintf("gas ch4=%d", i))
		require.Equal(t, "PUBACK 1", w.answer())
		if last != nil {
			last.ended()
		}
		last = w
	}
	by.undisturbed()
	require.EqualValues(t, 99, s.count(`belfry_mqtt_disconnects_total{reason="taken_over"}`))
	require.Equal(t, 101, sum(s.stored()))
}

func TestOfManyClientsThatWantOneNameTheLastIsLeft(t *testing.T) {
	s := newStation(t)
	by := s.bystander()
	for round := range 20 {
		wires := make([]*wire, 40)
		for i := range wires {
			wires[i] = s.dial()
			wires[i].send(connectPacket(connecting{id: "same", v5: i%3 > 0, keep: i%5 == 0}))
		}
		for _, w := range wires {
			_, _, _, _ = w.next(20 * time.Second) // it is let in, or is gone already
		}
		left := s.connect(connecting{id: "same"})
		for _, w := range wires {
			w.ended()
		}
		topic := fmt.Sprintf("status/P7/%d", round)
		left.subscribe(topic, 1)
		by.publish(topic, 0, 0, "pump running=1")
		got, _ := left.received()
		require.Equal(t, topic, got, "it is known to the broker, and gets what it asks for")
		_ = left.conn.Close()
	}
	by.undisturbed()
}

func TestAClientThatDoesNotReadItsAnswersIsHeldBack(t *testing.T) {
	s := newStation(t)
	by := s.bystander()
	w := s.connect(connecting{id: "d"})
	require.NoError(t, w.conn.(*net.TCPConn).SetReadBuffer(4<<10))
	for i := range 60_000 {
		w.publish(wellTopic, 1, uint16(i+1), fmt.Sprintf("gas ch4=1 %d", time.Now().UnixNano()))
	}
	by.undisturbed()
	for i := range 60_000 {
		kind, _, body := w.read()
		require.EqualValues(t, typePuback, kind)
		require.EqualValues(t, uint16(i+1), binary.BigEndian.Uint16(body))
	}
}

func TestAliasesStandForTopics(t *testing.T) {
	s := newStation(t)
	w := s.connect(connecting{id: "d", v5: true})
	w.send(packet(3, 2, append(append(text(wellTopic), 0, 1, 3, 0x23, 0, 7), "gas ch4=1"...)))
	w.send(packet(3, 2, append(append(text(""), 0, 2, 3, 0x23, 0, 7), "gas ch4=2"...)))
	w.send(packet(3, 2, append(append(text("city/yuzhong/W18/reading"), 0, 3, 3, 0x23, 0, 7), "gas ch4=3"...)))
	w.send(packet(3, 2, append(append(text(""), 0, 4, 3, 0x23, 0, 7), "gas ch4=4"...)))
	for i := range 4 {
		require.Equal(t, fmt.Sprintf("PUBACK %d", i+1), w.answer())
	}
	require.Equal(t, []string{
		`{__name__="gas_ch4", asset="W17", district="yuzhong"} [1 2]`, `{__name__="gas_ch4", asset="W18", district="yuzhong"} [3 4]`,
	}, sorted(s.stored()))
}
