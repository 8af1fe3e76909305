package lorawan

import (
	"strings"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/jsontext"
	"github.com/belfry-city/belfry/collector/reading"
)

// tts reads the JSON of The Things Stack's application messages (version 3, "Data
// Formats" in its documentation), as they come over MQTT and webhooks, as its
// storage integration returns them, in an object of the name result, and as its
// console shows them, in one of the name data. What is 0, false or empty is left
// out.
type tts struct{}

func (tts) name() string { return "tts" }

func (tts) read(_ *input.Message, v map[string]any) (*event, *refusal) {
	for _, around := range []string{"result", "data"} {
		if within, ok := v[around].(map[string]any); ok && v["end_device_ids"] == nil {
			v = within
		}
	}
	e := &event{battery: orNaN(nil), margin: orNaN(nil)}
	key, k := ttsKind(v)
	ids := v["end_device_ids"]
	switch {
	case ids == nil && key == "":
		return nil, refuse(reading.ReasonUnsupported, "this is no message of The Things Stack 3: there is neither end_device_ids nor uplink_message")
	case ids == nil:
		return nil, refuse(reading.ReasonMissing, "end_device_ids is missing, which says whose message it is")
	case key == "":
		return nil, refuse(reading.ReasonUnsupported, "there is no uplink_message, join_accept or other known kind of message")
	}
	e.kind = k
	written := text(ids, "dev_eui")
	var ok bool
	if e.eui, ok = readEUI(written); !ok && written != "" {
		return nil, refuse(reading.ReasonBadType, "end_device_ids.dev_eui: want 16 hexadecimal digits; got "+jsontext.Show(written))
	}
	if e.name = text(ids, "device_id"); e.eui == "" && e.name == "" {
		return nil, refuse(reading.ReasonMissing, "end_device_ids has neither dev_eui nor device_id")
	}
	if len(e.name) > longestName {
		return nil, refuse(reading.ReasonTooLong, "end_device_ids.device_id: want a name; got "+jsontext.Show(e.name))
	}
	body := v[key]
	if e.session = text(body, "session_key_id"); e.session == "" {
		e.session = text(ids, "dev_addr")
	}
	// The network server's time comes first: it is the same however often the
	// message is sent again, and gateways without GPS have clocks of their own.
	var err error
	if e.time, err = moment(body, "received_at"); err == nil && e.time == 0 {
		e.time, err = moment(v, "received_at")
	}
	if err != nil {
		return nil, refuse(reading.ReasonBadTimestamp, "received_at: want a time as in RFC 3339; got "+jsontext.Show(jsontext.At(body, "received_at")))
	}
	switch simulated, _ := v["simulated"].(bool); {
	case simulated:
		e.kind = kindSimulated
	case e.kind == kindUp:
		return e, e.ttsUp(body)
	}
	return e, nil
}

func (e *event) ttsUp(v any) *refusal {
	if _, ok := v.(map[string]any); !ok {
		return refuse(reading.ReasonBadType, "uplink_message: want an object; got "+jsontext.Kind(v))
	}
	e.counter(jsontext.At(v, "f_cnt"))
	if e.object = jsontext.At(v, "decoded_payload"); e.object == nil {
		e.object = jsontext.At(v, "normalized_payload")
		if list, ok := e.object.([]any); ok && len(list) == 1 {
			e.object = list[0]
		}
	}
	e.undecoded = e.object == nil && text(v, "frm_payload") != "" && number(v, "f_port") > 0
	e.profile = strings.Trim(text(v, "version_ids", "brand_id")+"/"+text(v, "version_ids", "model_id"), "/")
	e.battery = orNaN(v, "last_battery_percentage", "value")
	e.radio.spreadingFactor = number(v, "settings", "data_rate", "lora", "spreading_factor")
	receptions, _ := jsontext.At(v, "rx_metadata").([]any)
	for _, rx := range receptions {
		if jsontext.At(rx, "rssi") == nil && jsontext.At(rx, "snr") == nil {
			continue
		}
		e.radio.hear(number(rx, "rssi"), number(rx, "snr"), jsontext.At(rx, "snr") != nil || e.radio.spreadingFactor > 0)
	}
	return nil
}

func ttsKind(v map[string]any) (key string, k kind) {
	for _, known := range []struct {
		key  string
		kind kind
	}{
		{"uplink_message", kindUp}, {"join_accept", kindJoin}, {"location_solved", kindLocation}, {"service_data", kindService},
		{"downlink_ack", kindAck}, {"downlink_nack", kindAck}, {"downlink_sent", kindTxAck}, {"downlink_queued", kindDownlink},
		{"downlink_failed", kindDownlink}, {"downlink_queue_invalidated", kindDownlink}, {"downlink_message", kindDownlink},
		// The same uplink once more, after the server has brought it into its own form.
		{"uplink_normalized", kindService},
	} {
		if _, ok := v[known.key]; ok {
			return known.key, known.kind
		}
	}
	return "", ""
}
