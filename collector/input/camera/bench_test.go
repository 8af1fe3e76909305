package camera_test

import (
	"testing"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/camera"
	"github.com/belfry-city/belfry/collector/reading"
)

// BenchmarkDecode is a whole message: text, picture, plates looked for.
func BenchmarkDecode(b *testing.B) {
	c := newCity(b)
	for name, m := range map[string]*input.Message{
		"hikvision/xml":       {Body: golden(b, "hikvision/fielddetection.xml")},
		"hikvision/multipart": form(b, "multipart/form-data", "a", "text/xml", golden(b, "hikvision/fielddetection.xml"), "p", "image/jpeg", jpeg(200_000)),
		"hikvision/heartbeat": {Body: golden(b, "hikvision/heartbeat.xml")},
		"frigate/events":      {Body: golden(b, "frigate/events.new.json"), Topic: "frigate/events"},
		"camera/one":          {Body: golden(b, "camera/one.json")},
	} {
		decoder := c.decoders[map[byte]string{'h': camera.Hikvision, 'f': camera.Frigate, 'c': camera.Generic}[name[0]]]
		b.Run(name, func(b *testing.B) {
			var batch reading.Batch
			var w reading.Builder
			b.SetBytes(int64(len(m.Body)))
			b.ReportAllocs()
			for b.Loop() {
				batch.Reset()
				w.Reset(&batch)
				w.Message(m.Body)
				decoder.Decode(m, &w)
				w.Done()
			}
		})
	}
}
