package inputs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/belfry-city/belfry/loadtest/bench/server"
)

// PostAll measures each of the inputs that take messages over HTTP, in a fresh
// Belfry. dir must exist.
func PostAll(ctx context.Context, b server.Belfry, dir string, o PostOptions, say func(string, ...any)) (rows []Row, err error) {
	if dir, err = os.MkdirTemp(dir, "posted-"); err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b.Inputs = "{json: [{name: pump, each: readings, asset: device, time: ts, " +
		"metrics: {pump_speed_rpm: rpm, water_pressure_mpa: kpa / 1000}}]}"
	s, err := server.Start(ctx, b, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Kill()) }()
	for _, p := range posted() {
		say("%s: %d messages", p.Input, o.Messages)
		row, err := Post(ctx, s, p, o)
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

const jsonType = "application/json"

// posted are messages as devices send them, each with the fewest readings that
// are usual.
func posted() []Posted {
	rfc := func(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
	return []Posted{
		{"chirpstack", "/api/belfry/v1/in/chirpstack?event=up", jsonType, func(d, n int, at time.Time) []byte {
			return fmt.Appendf(nil, `{"time":%q,"deviceInfo":{"applicationName":"city","deviceProfileName":"Milesight EM500-SWL",`+
				`"deviceName":"well %d","devEui":"24e124136a%06x"},"devAddr":"00189440","dr":3,"fCnt":%d,"fPort":85,`+
				`"object":{"battery":90,"depth":%d},"rxInfo":[{"gatewayId":"0016c001f153a14c","rssi":-57,"snr":10.5},`+
				`{"gatewayId":"0016c001f153a14d","rssi":-101,"snr":-7.2}],"txInfo":{"frequency":471900000,`+
				`"modulation":{"lora":{"bandwidth":125000,"spreadingFactor":9,"codeRate":"CR_4_5"}}}}`, rfc(at), d, d, n, 100+n%50)
		}},
		{"tts", "/api/belfry/v1/in/tts", jsonType, func(d, n int, at time.Time) []byte {
			return fmt.Appendf(nil, `{"end_device_ids":{"device_id":"well-%d","application_ids":{"application_id":"city"},`+
				`"dev_eui":"24E124136B%06X"},"received_at":%q,"uplink_message":{"f_port":85,"f_cnt":%d,"decoded_payload":`+
				`{"battery":4,"depth":%d},"rx_metadata":[{"gateway_ids":{"gateway_id":"gw1"},"rssi":-35,"snr":5.2}],`+
				`"settings":{"data_rate":{"lora":{"bandwidth":125000,"spreading_factor":7}}},"version_ids":{"brand_id":"milesight-iot"}}}`,
				d, d, rfc(at), n+1, 100+n%50)
		}},
		{"json mapping, 10 readings", "/api/belfry/v1/in/json/pump", jsonType, func(d, n int, at time.Time) []byte {
			body := fmt.Appendf(nil, `{"site":"P1","readings":[`)
			for i := range 5 {
				body = fmt.Appendf(body, `{"device":"pump-%d-%d","ts":%d,"rpm":%d,"kpa":%d},`, d, i, at.UnixMilli(), 900+n%50, 300+n%20)
			}
			return append(body[:len(body)-1], "]}"...)
		}},
		{"parking, 10 bays", "/api/belfry/v1/in/parking", jsonType, func(d, n int, at time.Time) []byte {
			body := []byte{'['}
			for i := range 10 {
				body = fmt.Appendf(body, `{"bay":"B%d-%d","occupied":%t,"source":"geomagnetic","time":%q},`, d, i, (n+i)%7 < 4, rfc(at))
			}
			return append(body[:len(body)-1], ']')
		}},
		{"ngsi", "/api/belfry/v1/in/ngsi", jsonType, func(d, n int, at time.Time) []byte {
			return fmt.Appendf(nil, `{"subscriptionId":"5aeb0ee97d4ef10a12a0262f","data":[{"id":"lot-%d","type":"OffStreetParking",`+
				`"totalSpotNumber":{"type":"Number","value":400},"availableSpotNumber":{"type":"Number","value":%d},`+
				`"dateModified":{"type":"DateTime","value":%q}}]}`, d, n%400, rfc(at))
		}},
		{"camera", "/api/belfry/v1/in/camera", jsonType, func(d, n int, at time.Time) []byte {
			return fmt.Appendf(nil, `{"camera":"CAM-%d","kind":"garbage_overflow","confidence":0.87,"time":%q,"id":"ev-%d-%d",`+
				`"box":[0.1,0.2,0.3,0.4],"snapshot":"https://box.example/ev.jpg"}`, d, rfc(at), d, n)
		}},
		{"hikvision", "/api/belfry/v1/in/hikvision", "application/xml", func(d, _ int, at time.Time) []byte {
			return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?><EventNotificationAlert version="2.0" `+
				`xmlns="http://www.hikvision.com/ver20/XMLSchema"><ipAddress>10.20.%d.%d</ipAddress><portNo>80</portNo><protocol>HTTP</protocol>`+
				`<channelID>1</channelID><dateTime>%s</dateTime><activePostCount>1</activePostCount><eventType>fielddetection</eventType>`+
				`<eventState>active</eventState><eventDescription>fielddetection alarm</eventDescription></EventNotificationAlert>`,
				d/250, d%250+1, at.Format(time.RFC3339))
		}},
	}
}
