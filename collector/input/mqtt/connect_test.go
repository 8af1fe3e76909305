package mqtt

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// atLevel is a CONNECT packet that names another level of the protocol.
func atLevel(level byte, c connecting) []byte {
	p := connectPacket(c)
	p[8] = level // behind the fixed header and the name
	return p
}

func TestAClientIsToldInItsOwnVersionWhyItCannotComeIn(t *testing.T) {
	s := newStation(t)
	five := connecting{id: "d", v5: true}
	for name, c := range map[string]struct {
		packet []byte
		want   string
	}{
		"a version that is not known":                  {atLevel(6, connecting{id: "d"}), "0001"},
		"a bridge of a version that is not known":      {atLevel(6|levelBridge, connecting{id: "d"}), "0001"},
		"no identifier, and a session to be kept":      {connectPacket(connecting{keep: true}), "0002"},
		"a will to a topic that none can be, 3.1.1":    {connectPacket(connecting{id: "d", willTopic: "a/#", will: "x"}), "0005"},
		"MQTT 5 has codes of its own":                  {connectPacket(connecting{id: "d", v5: true, willTopic: "a/#", will: "x"}), "0090"},
		"what 3.1.1 has no word for ends silently":     {atReserved(connecting{id: "d"}), ""},
		"what MQTT 5 has a word for is said, however":  {atReserved(five), "0082"},
		"MQTT 5 with a level that old mosquittos mark": {atLevel(level5|levelBridge, connecting{id: "d"}), "0001"},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.dial()
			w.send(c.packet)
			if c.want != "" {
				kind, _, body := w.read()
				require.EqualValues(t, typeConnack, kind)
				require.Equal(t, c.want, fmt.Sprintf("%x", body[:2]))
			}
			w.ended()
		})
	}
}

// atReserved is a CONNECT packet with the bit set that must not be.
func atReserved(c connecting) []byte {
	p := connectPacket(c)
	p[9] |= 1
	return p
}

func TestAWillAboutTheBrokersOwnTopicsIsLeftOutAndItsClientComesIn(t *testing.T) {
	s := newStation(t)
	sub := s.connect(connecting{id: "sub"})
	sub.subscribe("$SYS/broker/connection/#", 0)
	sub.subscribe("status/#", 0)
	for _, v5 := range []bool{false, true} {
		w := s.connect(connecting{id: "town.belfry", v5: v5, willTopic: "$SYS/broker/connection/town.belfry/state", will: "0"})
		w.publish(wellTopic, 1, 1, "gas ch4=1")
		require.Equal(t, "PUBACK 1", w.answer())
		require.NoError(t, w.conn.Close())
	}
	require.NoError(t, s.connect(connecting{id: "d", willTopic: "status/W17/link", will: "device online=0"}).conn.Close())
	topic, _ := sub.received()
	require.Equal(t, "status/W17/link", topic, "the other wills are not sent")
}

func TestABridgeGetsNoneOfItsOwnMessagesAndRetainedOnesAsSuch(t *testing.T) {
	s := newStation(t)
	w := s.dial()
	w.send(atLevel(level311|levelBridge, connecting{id: "town.belfry"}))
	_, _, body := w.read()
	require.Equal(t, []byte{0, 0}, body)
	w.subscribe("talk/#", 1)
	w.publish("talk/x", 1, 1, "mine")
	require.Equal(t, "PUBACK 1", w.answer())
	other := s.connect(connecting{id: "other"})
	other.publish("talk/x", 1, 1, "kept", retain)
	kind, flags, body := w.read()
	require.EqualValues(t, typePublish, kind)
	p, err := parsePublish(flags, body, false)
	require.NoError(t, err)
	require.Equal(t, "kept", string(p.payload))
	require.True(t, p.retain)
}

func TestAClientThatIsTakenOverIsToldSoWhereItsVersionHasAWordForIt(t *testing.T) {
	s := newStation(t)
	for _, v5 := range []bool{false, true} {
		before := s.connect(connecting{id: "d", v5: v5})
		s.connect(connecting{id: "d", v5: v5})
		if v5 {
			require.Contains(t, before.answer(), "DISCONNECT 0x8e")
		}
		_, _, _, err := before.next(20 * time.Second)
		require.ErrorContains(t, err, "EOF", "nothing comes before the end")
	}
}
