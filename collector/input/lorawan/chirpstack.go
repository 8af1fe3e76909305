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
	k, named := chirpstackKind(m, v)
	e := &event{kind: k, profile: text(v, "deviceInfo", "deviceProfileName"), battery: orNaN(nil), margin: orNaN(nil)}
	switch {
	case k == "" && named != "":
		return nil, refuse(reading.ReasonUnsupported, "there is no event "+jsontext.Show(named)+" in ChirpStack 4; "+knownKinds)
	case k == "":
		return nil, refuse(reading.ReasonUnsupported, "this is no event of ChirpStack 4; "+knownKinds)
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
	case kindIntegration:
		e.object = v["object"]
	case kindStatus:
		e.battery, e.margin = chirpstackBattery(v), number(v, "margin")
	}
	return e, nil
}

func (e *event) chirpstackUp(v map[string]any) {
	e.counter(v["fCnt"])
	e.object = v["object"]
	e.undecoded = e.object == nil && text(v, "data") != "" && number(v, "fPort") > 0
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

const knownKinds = "known are up, join, ack, txack, log, status, location and integration"

// chirpstackKind says what event it is, and what the URL or the topic calls it.
// What they call by a name that is not known is nothing else, whatever is in it.
func chirpstackKind(m *input.Message, v map[string]any) (k kind, named string) {
	sure := true
	if named = m.Label(eventLabel); named == "" {
		steps := strings.Split(m.Topic, "/")
		named = steps[len(steps)-1]
		sure = len(steps) > 1 && steps[len(steps)-2] == "event"
	}
	switch k := kind(named); k {
	case kindUp, kindStatus, kindJoin, kindAck, kindTxAck, kindLog, kindLocation, kindIntegration:
		return k, named
	}
	if sure {
		return "", named
	}
	return likelyKind(v), ""
}

// likelyKind tells an event by what it has.
func likelyKind(v map[string]any) kind {
	has := func(keys ...string) bool {
		for _, k := range keys {
			if _, ok := v[k]; ok {
				return true
			}
		}
		return false
	}
	switch {
	case has("integrationName", "eventType"):
		return kindIntegration
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
