package lorawan

import (
	"math"
	"time"

	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

// kind is what an event is about; the values are label values of a metric.
type kind string

const (
	kindUp       kind = "up"
	kindStatus   kind = "status"
	kindJoin     kind = "join"
	kindAck      kind = "ack"
	kindTxAck    kind = "txack"
	kindLog      kind = "log"
	kindLocation kind = "location"
	kindDownlink kind = "downlink"
	kindService  kind = "service"
	// kindIntegration is what another integration of the server has made of an
	// uplink: fields only.
	kindIntegration kind = "integration"
	// kindSimulated is what somebody has made up in the server's console.
	kindSimulated kind = "simulated"
)

func kinds() []kind {
	return []kind{kindUp, kindStatus, kindJoin, kindAck, kindTxAck, kindLog, kindLocation, kindDownlink, kindService, kindIntegration, kindSimulated}
}

// event is what both servers' messages have in common.
type event struct {
	kind    kind
	eui     string // see readEUI; "" where the server knows the device by name only
	name    string // the server's name of a device without EUI
	session string
	profile string
	time    int64 // milliseconds; 0 where it is not said

	// Of an uplink.
	count     uint32
	uncounted any  // what stands in the counter's place and is none
	object    any  // decoded fields
	undecoded bool // there is a payload, but no object
	framed    bool // it has a frame counter
	radio     radio

	// Of a status, and of some uplinks; NaN where it is not said.
	battery float64 // percent
	margin  float64 // dB
}

// longestName is the longest name of a device or a field, in bytes.
const longestName = 200

// radio is how an uplink was received by the gateway that heard it best.
type radio struct {
	gateways        int
	rssi, snr       float64 // dBm, dB
	hasSNR          bool
	spreadingFactor float64 // 0: not LoRa's modulation
}

// hear takes the reception by one more gateway into account.
func (r *radio) hear(rssi, snr float64, hasSNR bool) {
	r.gateways++
	best := r.gateways == 1 || (hasSNR && snr > r.snr) || (snr == r.snr && rssi > r.rssi)
	if best {
		r.rssi, r.snr, r.hasSNR = rssi, snr, hasSNR
	}
}

// refusal is why an event is not taken.
type refusal struct {
	reason reading.Reason
	detail string
}

func refuse(reason reading.Reason, detail string) *refusal { return &refusal{reason, detail} }

// text is the text under the keys, or "".
func text(v any, keys ...string) string {
	s, _ := jsontext.At(v, keys...).(string)
	return s
}

// number is the number under the keys, which the servers leave out where it is
// 0.
func number(v any, keys ...string) float64 {
	n, _ := jsontext.Number(jsontext.At(v, keys...))
	return n
}

// orNaN is number where leaving out means that it is not known.
func orNaN(v any, keys ...string) float64 {
	if n, ok := jsontext.Number(jsontext.At(v, keys...)); ok {
		return n
	}
	return math.NaN()
}

// moment is a time in RFC 3339, in milliseconds, or 0 for none.
func moment(v any, keys ...string) (ms int64, err error) {
	s := text(v, keys...)
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, err
	}
	return t.UnixMilli(), nil
}

// counter reads a frame counter.
func (e *event) counter(v any) {
	e.framed = true
	n, ok := jsontext.Number(v)
	if v != nil && (!ok || n != math.Trunc(n) || n < 0 || n > math.MaxUint32) {
		e.uncounted = v
		return
	}
	e.count = uint32(n)
}
