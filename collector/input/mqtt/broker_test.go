package mqtt

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
	"github.com/belfry-city/belfry/collector/tsdb"
)

const wellTopic = "city/yuzhong/W17/reading"

func TestAMessageIsAcknowledgedWhenItIsOnDiskAndNotBefore(t *testing.T) {
	for _, v5 := range []bool{false, true} {
		s := newStation(t)
		release := s.store.holdUp()
		w := s.connect(connecting{id: "d", v5: v5})
		w.publish(wellTopic, 1, 7, "gas ch4=1.5")
		w.publish("nobody/knows", 1, 8, "x")
		w.publish(wellTopic, 2, 9, "gas ch4=2.5")
		w.publish(wellTopic, 1, 10, "gas ch4")
		w.silent()
		release()
		answers := []string{w.answer(), w.answer(), w.answer(), w.answer()}
		if v5 {
			require.Equal(t, []string{
				"PUBACK 7", "PUBACK 8 0x90 unknown_source: no pattern of inputs.mqtt.topics matches the topic: nobody/knows",
				"PUBREC 9", "PUBACK 10 0x99 syntax: column 8: want = and a value behind the field key, got the end of the input",
			}, answers, "in the order of the messages")
		} else {
			require.Equal(t, []string{"PUBACK 7", "PUBACK 8", "PUBREC 9", "PUBACK 10"}, answers)
		}
		w.send(packet(typePubrel, 2, []byte{0, 9}))
		require.Equal(t, "PUBCOMP 9", w.answer())
		require.Equal(t, []string{`{__name__="gas_ch4", asset="W17", district="yuzhong"} [1.5 2.5]`}, sorted(s.stored()))
		require.EqualValues(t, 1, s.count(refusedFor(reading.ReasonSyntax)))
		require.EqualValues(t, 1, s.count(refusedFor(reading.ReasonUnknownSource)))
		require.EqualValues(t, 2, s.count(outcomeRefused))
		require.EqualValues(t, 2, s.count(outcomeStored))
	}
}

func TestMessagesOfQoS0AreStoredToo(t *testing.T) {
	s := newStation(t)
	w := s.connect(connecting{id: "d"})
	for i := range 100 {
		w.publish(wellTopic, 0, 0, fmt.Sprintf("gas ch4=%d", i))
	}
	s.eventually(outcomeStored, 100)
	require.Equal(t, 100, sum(s.stored()), "those without a time that come within a millisecond get times one after the other")
}

func TestAMessageOfQoS2IsTakenOnceHoweverOftenItIsSent(t *testing.T) {
	for _, v5 := range []bool{false, true} {
		s := newStation(t)
		d := connecting{id: "d", v5: v5, keep: true}
		w := s.connect(d)
		release := s.store.holdUp()
		w.publish(wellTopic, 2, 5, "gas ch4=1")
		w.publish(wellTopic, 2, 5, "gas ch4=1", dup)
		require.NoError(t, w.conn.Close())
		s.eventually(`belfry_mqtt_disconnects_total{reason="taken_over"}`, 0)

		w = s.connect(d)
		w.publish(wellTopic, 2, 5, "gas ch4=1", dup)
		w.silent()
		release()
		require.Equal(t, "PUBREC 5", w.answer(), "the new connection gets the answer")
		w.publish(wellTopic, 2, 5, "gas ch4=1", dup)
		require.Equal(t, "PUBREC 5", w.answer())
		require.NoError(t, w.conn.Close())

		w = s.connect(d)
		w.publish(wellTopic, 2, 5, "gas ch4=1", dup)
		require.Equal(t, "PUBREC 5", w.answer())
		w.send(packet(typePubrel, 2, []byte{0, 5}))
		require.Equal(t, "PUBCOMP 5", w.answer())
		require.Equal(t, 1, sum(s.stored()))

		w.send(packet(typePubrel, 2, []byte{0, 5}))
		if v5 {
			require.Equal(t, "PUBCOMP 5 0x92", w.answer())
		} else {
			require.Equal(t, "PUBCOMP 5", w.answer())
		}
		w.publish(wellTopic, 2, 5, "gas ch4=2")
		require.Equal(t, "PUBREC 5", w.answer())
		require.Equal(t, 2, sum(s.stored()), "once it was released the identifier is that of another message")

		w = s.connect(connecting{id: "d", v5: v5})
		w.publish(wellTopic, 2, 5, "gas ch4=3")
		require.Equal(t, "PUBREC 5", w.answer())
		require.Equal(t, 3, sum(s.stored()), "a clean session knows nothing of the one before")
	}
}

func TestARefusedMessageOfQoS2EndsThere(t *testing.T) {
	s := newStation(t)
	w := s.connect(connecting{id: "d", v5: true})
	w.publish(wellTopic, 2, 1, "gas")
	require.Contains(t, w.answer(), "PUBREC 1 0x99 syntax")
	w.publish(wellTopic, 2, 1, "gas ch4=1")
	require.Equal(t, "PUBREC 1", w.answer(), "its identifier is free")
}

func TestTheGoodPartOfAMessageIsStored(t *testing.T) {
	s := newStation(t)
	w := s.connect(connecting{id: "d", v5: true})
	w.publish(wellTopic, 1, 1, "gas ch4=1 1700000000000000000\ngas h2s=1\ngas co=x")
	require.Equal(t, "PUBACK 1 0x99 1 stored, 2 refused: line 3: bad_number: column 8: want a number, a boolean or a quoted string, got \"x\"", w.answer())
	require.Equal(t, 1, sum(s.stored()))
	require.EqualValues(t, 1, s.count(refusedFor(reading.ReasonTooOld)))
}

func TestWhileTheStoreTakesNothingSendersAreHeldBackAndNothingIsLost(t *testing.T) {
	s := newStation(t)
	s.store.setTrouble(tsdb.ErrDiskFull)
	const messages = 3 * receiveMaximum
	w := s.connect(connecting{id: "d"})
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range messages {
			_ = w.conn.SetWriteDeadline(time.Now().Add(time.Minute))
			if _, err := w.conn.Write(w.message(fmt.Sprintf("city/yuzhong/W%d/reading", i), 1, uint16(i+1), strings.Repeat("#", 8000)+"\ngas ch4=1")); err != nil {
				return
			}
		}
	}()
	w.silent()
	other := s.connect(connecting{id: "other"})
	other.send([]byte{0xc0, 0})
	require.Equal(t, "PINGRESP", other.answer(), "others are not disturbed")
	s.store.setTrouble(nil)
	for i := range messages {
		require.Equal(t, fmt.Sprintf("PUBACK %d", i+1), w.answer())
	}
	<-sent
	require.Equal(t, messages, sum(s.stored()))
}

func TestNothingIsAcknowledgedThatIsNotStoredWhenTheBrokerStops(t *testing.T) {
	s := newStation(t)
	s.store.setTrouble(tsdb.ErrDiskFull)
	w := s.connect(connecting{id: "d", v5: true})
	for i := range 50 {
		w.publish(wellTopic, 1, uint16(i+1), fmt.Sprintf("gas ch4=%d", i))
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop()
	}()
	for {
		kind, _, body, err := w.next(20 * time.Second)
		if err != nil {
			break
		}
		require.EqualValues(t, typeDisconnect, kind, "%x", body)
		require.EqualValues(t, codeShuttingDown, body[0])
	}
	<-stopped
	require.Empty(t, s.stored())
}

func TestWhatWasReadIsAnsweredBeforeTheBrokerStops(t *testing.T) {
	s := newStation(t)
	release := s.store.holdUp()
	w := s.connect(connecting{id: "d", v5: true, willTopic: "status/W17/x", will: "gone v=1"})
	for i := range 50 {
		w.publish(wellTopic, 1, uint16(i+1), fmt.Sprintf("gas ch4=%d", i))
	}
	require.Eventually(t, func() bool { return s.messages.waiting.Get() == 50 }, 20*time.Second, time.Millisecond)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop()
	}()
	w.silent()
	release()
	for i := range 50 {
		require.Equal(t, fmt.Sprintf("PUBACK %d", i+1), w.answer())
	}
	require.Equal(t, "DISCONNECT 0x8b", w.answer())
	<-stopped
	require.Zero(t, s.messages.waiting.Get())
	require.Equal(t, 50, sum(s.stored()), "and a will is not sent for all devices because Belfry stops")
}

func TestNewTopicsAreThoseOfClientsThatAreConnected(t *testing.T) {
	s := newStation(t)
	w := s.connect(connecting{id: "d", v5: true})
	w.publish("new/W1", 1, 1, "gas ch4=1")
	require.Contains(t, w.answer(), "PUBACK 1 0x90")
	s.SetTopics(Topics{{Pattern: pattern(t, "new/+well"), Decoder: lineproto.NewDecoder(0, 0)}})
	w.publish("new/W1", 1, 2, "gas ch4=1")
	require.Equal(t, "PUBACK 2", w.answer())
	w.publish(wellTopic, 1, 3, "gas ch4=1")
	require.Contains(t, w.answer(), "PUBACK 3 0x90")
	require.Equal(t, []string{`{__name__="gas_ch4", well="W1"} [1]`}, sorted(s.stored()))
}

func TestOnlyWhoKnowsATokenComesInAndDoesWhatItAllows(t *testing.T) {
	s := newStation(t)
	s.door.demand.Store(true)
	for _, c := range []connecting{{}, {user: "well-17", password: "wrong"}, {user: "other", password: "secret"}} {
		require.EqualValues(t, 5, s.dial().introduce(c)[1], "not authorized")
		c.v5 = true
		require.EqualValues(t, 0x86, s.dial().introduce(c)[1])
	}
	require.EqualValues(t, 6, s.count(refusedFor(reading.ReasonUnauthorized)))

	may := connecting{id: "may", user: "well-17", password: "secret", v5: true}
	w := s.connect(may)
	w.publish(wellTopic, 1, 1, "gas ch4=1")
	require.Equal(t, "PUBACK 1", w.answer())

	s.door.write.Store(false)
	w.publish(wellTopic, 1, 2, "gas ch4=2")
	require.Equal(t, "PUBACK 2 0x87 unauthorized: the token lacks scope write", w.answer(), "a reload counts at once")
	w.publish(wellTopic, 2, 3, "gas ch4=2")
	require.Equal(t, "PUBREC 3 0x87 unauthorized: the token lacks scope write", w.answer())
	w.publish(wellTopic, 0, 0, "gas ch4=2")
	old := s.connect(connecting{id: "old", user: "well-17", password: "secret"})
	old.publish(wellTopic, 1, 1, "gas ch4=2")
	old.ended()
	require.EqualValues(t, 5, s.dial().introduce(connecting{id: "x", user: "well-17", password: "secret", willTopic: wellTopic, will: "gas ch4=2"})[1])
	s.eventually(refusedFor(reading.ReasonUnauthorized), 11)

	w.subscribe("city/#", 1)
	s.door.write.Store(true)
	w.publish(wellTopic, 0, 0, "gas ch4=3")
	_, payload := w.received()
	require.Equal(t, "gas ch4=3", payload)
	s.door.read.Store(false)
	w.publish(wellTopic, 1, 4, "gas ch4=4")
	require.Equal(t, "PUBACK 4", w.answer(), "and no message to the subscriber")
	w.send(packet(8, 2, append(append([]byte{0, 2, 0}, text("x/#")...), 1)))
	require.Equal(t, "SUBACK 2 87", w.answer())
}
