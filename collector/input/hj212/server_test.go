package hj212

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/intake"
	"github.com/belfry-city/belfry/collector/reading"
	device "github.com/belfry-city/belfry/loadtest/hj212"
)

const oneReading = "DataTime=20160801085857;w01001-Rtd=7.1,w01001-Flag=N"

func TestAReportIsAnsweredWhenItIsOnDiskAndNotBefore(t *testing.T) {
	h := startServer(t, nil)
	h.desk.hold = true
	c := h.dial()
	c.send(segmentOf("20160801085857223", 2011, 5, oneReading))
	eventually(t, func() bool { return len(h.desk.decoded()) == 1 }, "it is handed over")
	_, err := c.Receive(100 * time.Millisecond)
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
	h.desk.release()
	require.Equal(t, ack("20160801085857223", 4), c.hears())
}

func TestWhatIsNotStoredIsNotAnswered(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	h.desk.fail = errors.New("the store is gone")
	c.send(segmentOf("1", 2011, 5, oneReading))
	eventually(t, func() bool { return len(h.desk.decoded()) == 1 }, "it is handed over")
	h.desk.mu.Lock()
	h.desk.fail = nil
	h.desk.mu.Unlock()
	c.send(segmentOf("2", 2011, 5, "DataTime=20160801085857;w01001-Rtd=seven"))
	c.hearsNothingBefore()
	c.send(segmentOf("3", 2011, 5, "DataTime=20160801085857;w01001-Rtd=seven;w01018-Rtd=5"))
	require.Equal(t, ack("3", 4), c.hears(), "a part is stored")
	require.EqualValues(t, 2, h.counters.unanswered.Get())
}

func TestAnswersHaveTheVersionOfTheSender(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	for flag, want := range map[int]string{
		5: ack("1", 4), 9: ack("1", 8), 13: ack("1", 12),
		1: strings.Replace(ack("1", 0), "CP=&&&&", "CP=&&QN=1;CN=2011&&", 1),
	} {
		c.send(segmentOf("1", 2011, flag, oneReading))
		require.Equal(t, want, c.hears(), "Flag=%d", flag)
	}
	for _, flag := range []int{0, 4, 8} {
		c.send(segmentOf("1", 2011, flag, oneReading))
		c.hearsNothingBefore()
	}
}

func TestDevicesOf2005AreUnderstood(t *testing.T) {
	h := startServer(t, func(o *Options) { o.Stations = nil })
	c := h.dial()
	c.send("ST=32;CN=2011;PW=123456;MN=88888880000001;CP=&&DataTime=20160801085857;011-Rtd=36.5,011-Flag=N&&",
		"QN=20160801085857001;ST=32;CN=2051;PW=123456;MN=88888880000001;Flag=1;CP=&&DataTime=20160801084000;011-Avg=36.5,011-Flag=N&&")
	require.Equal(t, "QN=20160801085857001;ST=91;CN=9014;PW=123456;MN=88888880000001;Flag=0;CP=&&QN=20160801085857001;CN=2051&&", c.hears())
	require.Equal(t, []string{
		`1: water_cod_mg_per_l{asset="old"} 36.5 @2016-08-01T00:58:57.000Z`,
		`1: water_cod_mg_per_l_avg{asset="old",period="minute"} 36.5 @2016-08-01T00:40:00.000Z`,
	}, h.desk.decoded())
}

func TestHeartbeatsLoginsAndQuestionsForTheTimeAreAnswered(t *testing.T) {
	h := startServer(t, func(o *Options) { o.HeartbeatAnswer = cnNotified })
	c := h.dial()
	c.send(segmentOf("1", 9015, 9, ""))
	require.Equal(t, strings.Replace(ack("1", 8), "9014", "9013", 1), c.hears())
	require.Contains(t, h.desk.decoded()[0], "device_last_seen_timestamp_seconds{asset=\"outfall-3\"}")
	c.send(segmentOf("2", 9021, 5, ""))
	require.Equal(t, "QN=2;ST=91;CN=9022;PW=123456;MN="+testMN+";Flag=4;CP=&&QN=2;Logon=1&&", c.hears())
	c.send(segmentOf("3", 1013, 5, "PolId=w01018"))
	require.Equal(t, strings.Replace(ack("3", 4), "9014", "9013", 1), c.hears())
	a, err := c.Receive(soon)
	require.NoError(t, err)
	require.Equal(t, "1012", a.CN)
	require.Equal(t, "5", a.Flag)
	require.Equal(t, "32", a.ST)
	require.Len(t, a.QN, 17)
	told, err := time.ParseInLocation("PolId=w01018;SystemTime=20060102150405", a.CP, shanghai())
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), told, time.Minute)
	c.send(segmentOf("3", 9011, 4, "QnRtn=1"), segmentOf("3", 9012, 4, "ExeRtn=1"), segmentOf("4", 9023, 5, ""))
	require.Equal(t, ack("4", 4), c.hears(), "what a vendor has added is answered if it asks")
	require.Empty(t, h.desk.reasons())
	c.send(segmentOf("5", 1061, 5, "RtdInterval=30"), segmentOf("6", 9015, 5, ""))
	require.Equal(t, strings.Replace(ack("6", 4), "9014", "9013", 1), c.hears())
	require.Equal(t, []reading.Reason{reading.ReasonUnsupported}, h.desk.reasons())
}

func TestOnlyStationsMaySend(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	wrong := strings.Replace(segmentOf("1", 2011, 5, oneReading), "PW=123456", "PW=654321", 1)
	c.send(wrong, strings.Replace(segmentOf("1", 2011, 5, oneReading), testMN, "X", 1),
		strings.Replace(segmentOf("1", 2011, 5, oneReading), "PW=123456;", "", 1), strings.Replace(segmentOf("1", 2011, 5, oneReading), "MN="+testMN+";", "", 1))
	c.send(strings.Replace(segmentOf("2", 9021, 5, ""), "PW=123456", "PW=654321", 1))
	require.Equal(t, "QN=2;ST=91;CN=9022;PW=654321;MN="+testMN+";Flag=4;CP=&&QN=2;Logon=0&&", c.hears())
	c.hearsNothingBefore()
	require.Equal(t, []reading.Reason{
		reading.ReasonUnauthorized, reading.ReasonUnknownSource, reading.ReasonUnauthorized, reading.ReasonSyntax, reading.ReasonUnauthorized,
	}, h.desk.reasons())
	for _, r := range h.desk.refused {
		require.NotContains(t, string(r.Raw), "654321")
		require.NotContains(t, string(r.Raw), testPW)
	}
	// One connection may bring several stations.
	c.send("QN=3;ST=32;CN=2011;PW=other;MN=B;Flag=5;CP=&&" + oneReading + "&&")
	require.Equal(t, "QN=3;ST=91;CN=9014;PW=other;MN=B;Flag=4;CP=&&&&", c.hears())
	for _, body := range h.desk.bodies {
		require.NotContains(t, body, testPW)
		require.NotContains(t, body, "other")
	}
	// A station that is taken off the list may no longer send.
	h.SetStations([]Station{{MN: "B", Password: "other"}})
	c.send(segmentOf("4", 2011, 5, oneReading), "QN=5;ST=32;CN=2011;PW=other;MN=B;Flag=5;CP=&&"+oneReading+"&&")
	require.Contains(t, c.hears(), "QN=5;")
}

func TestWhoTriesPasswordsIsCutOff(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	for i := range mostStrikes {
		_, _ = c.Write(device.Frame(strings.Replace(segmentOf("1", 2011, 5, oneReading), testPW, fmt.Sprint(i), 1)))
	}
	c.isClosed()
	require.Len(t, h.desk.reasons(), mostStrikes)
	h.dial().hearsNothingBefore()
}

func TestABrokenFrameIsCountedAndTheConnectionGoesOn(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	frame := string(device.Frame(segmentOf("1", 2011, 5, oneReading)))
	_, err := c.Write([]byte("noise " + strings.Replace(frame, "7.1", "7.2", 1) + "##0012half" + frame + "##9999"))
	require.NoError(t, err)
	require.Equal(t, ack("1", 4), c.hears())
	c.hearsNothingBefore()
	require.Equal(t, []reading.Reason{reading.ReasonSyntax, reading.ReasonBadChecksum, reading.ReasonSyntax, reading.ReasonTooLong}, h.desk.reasons())
	require.Equal(t, intake.Source{Input: "hj212", Sender: testMN + " " + c.LocalAddr().String()}, h.desk.refused[3].Source)
}

func TestAReportSentTwiceIsAnsweredTwice(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	for range 2 {
		c.send(segmentOf("1", 2011, 5, oneReading))
		require.Equal(t, ack("1", 4), c.hears())
	}
	lines := h.desk.decoded()
	require.Equal(t, lines[0], lines[1])
}

func TestWhoHasSaidItsLastStillGetsItsAnswers(t *testing.T) {
	h := startServer(t, nil)
	h.desk.hold = true
	c := h.dial()
	c.send(segmentOf("1", 2011, 5, oneReading), segmentOf("2", 2011, 5, oneReading))
	require.NoError(t, c.Conn.Conn.(*net.TCPConn).CloseWrite())
	eventually(t, func() bool { return len(h.desk.decoded()) == 2 }, "both are handed over")
	h.desk.release()
	require.Equal(t, ack("1", 4), c.hears())
	require.Equal(t, ack("2", 4), c.hears())
	c.isClosed()
	eventually(t, func() bool { return h.connections() == 0 }, "the connection is forgotten")
}

func TestAStopAnswersWhatWasTaken(t *testing.T) {
	h := startServer(t, nil)
	h.desk.hold = true
	c := h.dial()
	c.send(segmentOf("1", 2011, 5, oneReading))
	eventually(t, func() bool { return len(h.desk.decoded()) == 1 }, "it is handed over")
	stopped := make(chan error, 1)
	go func() { stopped <- h.Stop(context.Background()) }()
	eventually(t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.stopping
	}, "it stops")
	h.desk.release()
	require.Equal(t, ack("1", 4), c.hears())
	require.NoError(t, <-stopped)
	_, err := device.Dial(h.addr)
	require.Error(t, err)
}

func TestAStopDoesNotWaitForEver(t *testing.T) {
	h := startServer(t, nil)
	h.desk.hold = true
	c := h.dial()
	c.send(segmentOf("1", 2011, 5, oneReading))
	eventually(t, func() bool { return len(h.desk.decoded()) == 1 }, "it is handed over")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, h.Stop(ctx), context.DeadlineExceeded)
	h.desk.release()
}

func TestWhoSendsAFrameTooSlowlyIsCutOffUnlessItIsKnown(t *testing.T) {
	h := startServer(t, func(o *Options) { o.FrameTime = 100 * time.Millisecond })
	stranger, known := h.dial(), h.dial()
	known.send(segmentOf("1", 2011, 5, oneReading))
	require.Equal(t, ack("1", 4), known.hears())
	for _, c := range []*talk{stranger, known} {
		_, err := c.Write([]byte("##0101QN="))
		require.NoError(t, err)
	}
	stranger.isClosed()
	eventually(t, func() bool { return len(h.desk.reasons()) == 2 }, "both are counted")
	require.Equal(t, []reading.Reason{reading.ReasonIncomplete, reading.ReasonIncomplete}, h.desk.reasons())
	known.hearsNothingBefore()
}

func TestWhoSaysNothingForTooLongIsCutOff(t *testing.T) {
	h := startServer(t, func(o *Options) { o.IdleTime = 100 * time.Millisecond })
	c := h.dial()
	c.hearsNothingBefore()
	c.isClosed()
	require.Empty(t, h.desk.reasons())
}

func TestWhoSpeaksSomethingElseIsCutOff(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	_, _ = c.Write([]byte(strings.Repeat("GET / HTTP/1.1\r\n", mostJunk)))
	c.isClosed()
	require.Equal(t, []reading.Reason{reading.ReasonSyntax}, h.desk.reasons())
}

func TestWhoDoesNotReadItsAnswersIsCutOff(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	require.NoError(t, c.Conn.Conn.(*net.TCPConn).SetReadBuffer(64<<10))
	frame := []byte(strings.Repeat(string(device.Frame(segmentOf("1", 9023, 5, ""))), 1000))
	// A client whose window is full may never hear of it, so the server is asked.
	rest := frame
	eventually(t, func() bool {
		_ = c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		n, _ := c.Write(rest)
		if rest = rest[n:]; len(rest) == 0 {
			rest = frame
		}
		return h.set.GetOrCreateCounter(`belfry_hj212_connections_closed_total{why="unread"}`).Get() == 1
	}, "the server hangs up")
	eventually(t, func() bool { return h.connections() == 0 }, "nothing is left of it")
}

func TestMoreThanMaxConnectionsAreTurnedAway(t *testing.T) {
	h := startServer(t, func(o *Options) { o.MaxConnections = 2 })
	one, two := h.dial(), h.dial()
	one.hearsNothingBefore()
	two.hearsNothingBefore()
	h.dial().isClosed()
	require.NoError(t, one.Close())
	eventually(t, func() bool { return h.connections() == 1 }, "there is room again")
	h.dial().hearsNothingBefore()
}
