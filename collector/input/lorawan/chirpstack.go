package lorawan

import (
	"strings"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

// chirpstack reads the JSON of ChirpStack's integration events (version 4,
// api/proto/integration/integration.proto in proto3's JSON mapping). Older
// releases leave out what is 0 or empty. The event's name is the last part of
// the topic (application/ID/device/EUI/event/up) or the URL's parameter event;
// without either it is told by what the message has.
type chirpstack struct{}

func (chirpstack) name() string { return "chirpstack" }

func (chirpstack) read(m *input.Message, v map[string]any) (*event, *refusal) {
	e := &event{kind: chirpstackKind(m, v), profile: text(v, "deviceInfo", "deviceProfileName")}
	if e.kind == "" {
		return nil, refuse(reading.ReasonUnsupported, "this is no event of ChirpStack 4; known are up, join, ack, txack, log, status and location")
	}
	if v["deviceInfo"] == nil {
		if v["devEUI"] != nil || v["applicationID"] != nil {
			return nil, refuse(reading.ReasonUnsupported, "this is an event of ChirpStack 3; version 4 is understood here")
		}
		return nil, refuse(reading.ReasonMissing, "deviceInfo is missing, which says whose event it is")
	}
	written := text(v, "deviceInfo", "devEui")
	var ok bool
	switch e.eui, ok = readEUI(written); {
	case written == "":
		return nil, refuse(reading.ReasonMissing, "deviceInfo.devEui is missing")
	case !ok:
		return nil, refuse(reading.ReasonBadType, "deviceInfo.devEui: want 16 hexadecimal digits; got "+jsontext.Show(written))
	}
	var err error
	if e.time, err = moment(v, "time"); err != nil {
		return nil, refuse(reading.ReasonBadTimestamp, "time: want a time as in RFC 3339; got "+jsontext.Show(v["time"]))
	}
	e.session = text(v, "devAddr")
	switch e.kind {
	case kindUp:
		e.chirpstackUp(v)
	case kindStatus:
		e.battery, e.margin = chirpstackBattery(v), number(v, "margin")
	}
	return e, nil
}

func (e *event) chirpstackUp(v map[string]any) {
	e.counter(v["fCnt"])
	e.object = v["object"]
	e.undecoded = e.object == nil && text(v, "data") != "" && number(v, "fPort") > 0
	e.battery, e.margin = orNaN(nil), orNaN(nil)
	e.radio.spreadingFactor = number(v, "txInfo", "modulation", "lora", "spreadingFactor")
	receptions, _ := v["rxInfo"].([]any)
	for _, rx := range receptions {
		if jsontext.At(rx, "rssi") == nil && jsontext.At(rx, "snr") == nil {
			continue
		}
		e.radio.hear(number(rx, "rssi"), number(rx, "snr"), jsontext.At(rx, "snr") != nil || e.radio.spreadingFactor > 0)
		if e.time == 0 {
			e.time = firstMoment(rx, "gwTime", "nsTime")
		}
	}
}

// chirpstackBattery is the percentage of a status event, NaN where the device
// does not know it or does not live on a battery.
func chirpstackBattery(v map[string]any) float64 {
	for _, none := range []string{"batteryLevelUnavailable", "externalPowerSource"} {
		if is, _ := v[none].(bool); is {
			return orNaN(nil)
		}
	}
	return orNaN(v, "batteryLevel")
}

func firstMoment(v any, keys ...string) int64 {
	for _, k := range keys {
		if ms, err := moment(v, k); err == nil && ms != 0 {
			return ms
		}
	}
	return 0
}

func chirpstackKind(m *input.Message, v map[string]any) kind {
	name := m.Label(eventLabel)
	if i := strings.LastIndexByte(m.Topic, '/'); name == "" && i >= 0 {
		name = m.Topic[i+1:]
	}
	switch k := kind(name); k {
	case kindUp, kindStatus, kindJoin, kindAck, kindTxAck, kindLog, kindLocation:
		return k
	}
	has := func(keys ...string) bool {
		for _, k := range keys {
			if _, ok := v[k]; ok {
				return true
			}
		}
		return false
	}
	switch {
	case has("rxInfo", "object", "fCnt", "fPort", "data"):
		return kindUp
	case has("margin", "batteryLevel", "batteryLevelUnavailable", "externalPowerSource"):
		return kindStatus
	case has("gatewayId", "downlinkId"):
		return kindTxAck
	case has("acknowledged", "queueItemId"):
		return kindAck
	case has("level", "code", "description"):
		return kindLog
	case has("location"):
		return kindLocation
	case has("devAddr"):
		return kindJoin
	case has("devEUI", "deviceInfo"):
		return kindUp
	}
	return ""
}
