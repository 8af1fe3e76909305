//go:build unix

package mapping_test

import (
	"syscall"
	"testing"

	"github.com/belfry-city/belfry/collector/reading"
)

func BenchmarkMapping(b *testing.B) {
	benchmark(b, pump, `{"deviceId":"P-7","ts":"2026-11-23 16:00:00","state":"RUN","data":{"rpm":1450,"level":152.5}}`)
}

func BenchmarkMappingOfAList(b *testing.B) {
	body := `{"site":"east","readings":[`
	for i := range 100 {
		if i > 0 {
			body += ","
		}
		body += `{"id":` + string(rune('0'+i%10)) + `,"ts":1795420800,"v":1.5,"w":2}`
	}
	benchmark(b, "\n  - {name: x, each: readings, asset: site + string(id), time: ts, metrics: {a: v, b: w / 10}}\n", body+"]}")
}

func benchmark(b *testing.B, mappings, body string) {
	d := decoder(b, mappings)
	m := message(body)
	var batch reading.Batch
	var out reading.Builder
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	samples, began := 0, processorTime(b)
	for b.Loop() {
		batch.Reset()
		out.Reset(&batch)
		out.Message(m.Body)
		d.Decode(m, &out)
		out.Done()
		samples += batch.Samples()
	}
	used := float64(processorTime(b) - began)
	b.ReportMetric(used/float64(b.N), "cpu-ns/message")
	b.ReportMetric(used/float64(samples), "cpu-ns/sample")
}

// processorTime is what the process has used, in nanoseconds: unlike the clock
// it does not count what else the machine does.
func processorTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
