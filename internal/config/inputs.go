package config

import "github.com/belfry-city/belfry/internal/config/strict"

// Inputs are the streams besides those that come over HTTP by themselves.
type Inputs struct {
	Camera  Camera
	HJ212   HJ212
	JSON    []JSONMapping
	LoRaWAN LoRaWAN
	OTLP    OTLP
	MQTT    MQTT
	Parking Parking
	Scrape  []strict.Raw // entries of Prometheus' scrape_configs
}

func defaultInputs() Inputs {
	return Inputs{Camera: defaultCamera(), HJ212: defaultHJ212(), MQTT: defaultMQTT(), Parking: defaultParking(), LoRaWAN: defaultLoRaWAN(), OTLP: defaultOTLP()}
}

// needRestart is what of the inputs a reload does not change.
func (in Inputs) needRestart() Inputs {
	in.OTLP, in.Scrape = OTLP{}, nil
	in.LoRaWAN, in.JSON = LoRaWAN{}, nil
	in.Camera = Camera{}
	in.Parking = in.Parking.needRestart()
	in.HJ212 = in.HJ212.fixed()
	in.MQTT = in.MQTT.needRestart()
	return in
}

func (p *parser) inputs(v strict.Value, c *Config) {
	c.inputsInFile = v.Raw().YAML()
	strict.Mapping(v, &c.Inputs, strict.Keys[Inputs]{
		"mqtt": func(v strict.Value, in *Inputs) {
			c.lines["inputs.mqtt"] = v.Line()
			p.mqtt(v, in)
		},
		"lorawan": p.lorawan,
		"hj212": func(v strict.Value, in *Inputs) {
			c.lines["inputs.hj212"] = v.Line()
			p.hj212(v, in)
		},
		"camera": func(v strict.Value, in *Inputs) {
			c.lines["inputs.camera"] = v.Line()
			p.camera(v, in)
		},
		"parking": func(v strict.Value, in *Inputs) {
			c.lines["inputs.parking"] = v.Line()
			p.parking(v, in)
		},
		"json":   p.json,
		"otlp":   p.otlp,
		"scrape": p.scrape,
	})
}
