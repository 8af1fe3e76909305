package mqtt

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSubscribersGetMessagesAtTheirQoSWhetherTheyAreReadingsOrNot(t *testing.T) {
	s := newStation(t)
	for _, v5 := range []bool{false, true} {
		for qos := range byte(3) {
			sub := s.connect(connecting{id: fmt.Sprintf("sub-%d", qos), v5: v5})
			sub.subscribe("#", qos)
			pub := s.connect(connecting{id: "pub", v5: true})
			for i, m := range [][2]string{{wellTopic, fmt.Sprintf("gas ch4=%d", qos)}, {wellTopic, "broken"}, {"talk/to/others", "hello"}} {
				pub.publish(m[0], 1, uint16(i+1), m[1])
				topic, payload := sub.received()
				require.Equal(t, m, [2]string{topic, payload})
				if i == 1 {
					require.Contains(t, pub.answer(), "PUBACK 2 0x99", "a message that Belfry refuses reaches others")
				} else {
					require.Equal(t, fmt.Sprintf("PUBACK %d", i+1), pub.answer(), "and one that is for others only is no mistake")
				}
			}
			sub.send([]byte{0xe0, 0})
			sub.ended()
		}
	}
	require.EqualValues(t, 6, s.count(outcomePassedOn))
}

func TestABurstReachesASubscriberThatTakesFewAtATime(t *testing.T) {
	s := newStation(t)
	sub := s.connect(connecting{id: "sub", v5: true, receiveMaximum: 5})
	sub.subscribe("talk/#", 1)
	pub := s.connect(connecting{id: "pub"})
	const messages = 500
	for i := range messages {
		pub.publish("talk/x", 1, uint16(i+1), fmt.Sprint(i))
	}
	for i := range messages {
		require.Equal(t, fmt.Sprintf("PUBACK %d", i+1), pub.answer())
	}
	// Five come without an acknowledgement, and not one more.
	for i := range 5 {
		kind, flags, body := sub.read()
		require.EqualValues(t, typePublish, kind)
		p, err := parsePublish(flags, body, true)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), string(p.payload))
		if i == 4 {
			sub.silent()
		}
		sub.later = append(sub.later, p.id)
	}
	for _, id := range sub.later {
		sub.send(packet(typePuback, 0, []byte{byte(id >> 8), byte(id)}))
	}
	for i := 5; i < messages; i++ {
		_, payload := sub.received()
		require.Equal(t, fmt.Sprint(i), payload)
	}
}

func TestMessagesWaitForASubscriberThatIsAway(t *testing.T) {
	s := newStation(t)
	away := connecting{id: "sub", v5: true, keep: true}
	sub := s.connect(away)
	sub.subscribe("talk/#", 1)
	require.NoError(t, sub.conn.Close())
	pub := s.connect(connecting{id: "pub"})
	for i := range 20 {
		pub.publish("talk/x", 1, uint16(i+1), fmt.Sprint(i))
		require.Equal(t, fmt.Sprintf("PUBACK %d", i+1), pub.answer())
	}
	require.EqualValues(t, 20, s.count(outcomePassedOn))
	sub = s.connect(away)
	got := map[string]bool{}
	for range 20 {
		_, payload := sub.received()
		got[payload] = true
	}
	require.Len(t, got, 20)
	sub.send([]byte{0xc0, 0})
	require.Equal(t, "PINGRESP", sub.answer())
	require.Eventually(t, func() bool { return s.queued.Load() == 0 }, 20*time.Second, time.Millisecond, "nothing waits any more")
}

func TestWhatWaitsForSubscribersThatAreAwayIsBounded(t *testing.T) {
	s := newStation(t)
	for i := range 4 {
		sub := s.connect(connecting{id: fmt.Sprintf("sub-%d", i), v5: true, keep: true})
		sub.subscribe("talk/#", 1)
		require.NoError(t, sub.conn.Close())
	}
	pub := s.connect(connecting{id: "pub"})
	for i := range 200 {
		pub.publish("talk/x", 1, uint16(i+1), strings.Repeat("x", 200<<10))
		require.Equal(t, fmt.Sprintf("PUBACK %d", i+1), pub.answer())
	}
	require.Less(t, s.queued.Load(), s.opts.Memory+4*(200<<10))
	require.NotZero(t, s.undelivered())
}

func TestASubscriberThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	for qos := range byte(2) {
		s := newStation(t)
		by := s.bystander()
		deaf := s.connect(connecting{id: "deaf", v5: true})
		require.NoError(t, deaf.conn.(*net.TCPConn).SetReadBuffer(4<<10))
		deaf.subscribe("city/#", qos)
		pub := s.connect(connecting{id: "pub"})
		const messages = 200
		for i := range messages {
			pub.publish(wellTopic, 1, uint16(i+1), fmt.Sprintf("gas ch4=%d\n# %s", i, strings.Repeat("x", 50<<10)))
			require.Equal(t, fmt.Sprintf("PUBACK %d", i+1), pub.answer())
		}
		by.undisturbed()
		require.Equal(t, messages+1, sum(s.stored()))
		require.NotZero(t, s.undelivered()+float64(qos), "QoS 0 is dropped; with QoS 1 the subscriber is cut off")
	}
}

func TestARetainedMessageWaitsForSubscribersAndRetainedOnesAreBounded(t *testing.T) {
	s := newStation(t)
	pub := s.connect(connecting{id: "pub", v5: true})
	pub.publish(wellTopic, 1, 1, "gas ch4=1", retain)
	require.Equal(t, "PUBACK 1", pub.answer())
	pub.publish("talk/x", 1, 2, "hello", retain)
	require.Equal(t, "PUBACK 2", pub.answer(), "kept, though no pattern matches")
	sub := s.connect(connecting{id: "sub"})
	sub.subscribe("#", 1)
	got := map[string]bool{}
	for range 2 {
		topic, _ := sub.received()
		got[topic] = true
	}
	require.Equal(t, map[string]bool{wellTopic: true, "talk/x": true}, got)

	pub.publish("talk/x", 1, 3, "", retain)
	require.Equal(t, "PUBACK 3", pub.answer(), "an empty message takes it away")
	topic, payload := sub.received()
	require.Equal(t, [2]string{"talk/x", ""}, [2]string{topic, payload})
	other := s.connect(connecting{id: "other"})
	other.subscribe("talk/#", 1)
	other.silent()

	for i := range 100 {
		pub.publish(fmt.Sprintf("status/%d/x", i), 1, uint16(i+4), "gas ch4=1\n#"+strings.Repeat("x", 200<<10), retain)
		require.Equal(t, fmt.Sprintf("PUBACK %d", i+4), pub.answer())
	}
	require.LessOrEqual(t, s.retained.bytes, s.opts.Memory)
	require.Equal(t, 101, sum(s.stored()), "what cannot be retained is stored all the same")
}

func TestTheLastWillIsAReadingLikeAnyOther(t *testing.T) {
	s := newStation(t)
	sub := s.connect(connecting{id: "sub"})
	sub.subscribe("status/#", 0)
	for _, v5 := range []bool{false, true} {
		w := s.connect(connecting{id: "d", v5: v5, willTopic: "status/W17/link", will: "device online=0"})
		require.NoError(t, w.conn.Close())
		topic, payload := sub.received()
		require.Equal(t, [2]string{"status/W17/link", "device online=0"}, [2]string{topic, payload})
	}
	s.eventually(outcomeStored, 2)
	require.Equal(t, []string{`{__name__="device_online", asset="W17"} [0 0]`}, sorted(s.stored()))

	w := s.connect(connecting{id: "d", willTopic: "status/W17/link", will: "device online=0"})
	w.send([]byte{0xe0, 0})
	w.ended()
	bad := s.dial()
	require.EqualValues(t, 0x90, bad.introduce(connecting{id: "x", v5: true, willTopic: "status/#", will: "x"})[1])
	bad.ended()
	require.EqualValues(t, 2, s.count(outcomeStored), "who says goodbye leaves no will")
}

func TestAClientThatWantsNoneOfItsOwnMessagesGetsNone(t *testing.T) {
	s := newStation(t)
	w := s.connect(connecting{id: "d", v5: true})
	w.subscribe("talk/#", 1|4) // no local
	w.publish("talk/x", 1, 1, "mine")
	require.Equal(t, "PUBACK 1", w.answer())
	s.connect(connecting{id: "e"}).publish("talk/x", 0, 0, "yours")
	_, payload := w.received()
	require.Equal(t, "yours", payload)
}

func TestPropertiesOfAMessageReachSubscribers(t *testing.T) {
	s := newStation(t)
	sub := s.connect(connecting{id: "sub", v5: true})
	sub.subscribe("talk/#", 0)
	pub := s.connect(connecting{id: "pub", v5: true})
	user := append(append([]byte{0x26}, text("unit")...), text("ppm")...)
	pub.send(packet(3, 0, append(append(append(text("talk/x"), byte(len(user)+3)), append(user, 0x23, 0, 1)...), "x"...)))
	kind, flags, body := sub.read()
	require.EqualValues(t, typePublish, kind)
	p, err := parsePublish(flags, body, true)
	require.NoError(t, err)
	require.Equal(t, user, p.properties, "all but the alias, which is the sender's own")
	require.Equal(t, "talk/x", string(p.topic))
}
