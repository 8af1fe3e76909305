//go:build unix

package lorawan_test

import (
	"bytes"
	"encoding/json"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/lorawan"
	"github.com/belfry-city/belfry/collector/reading"
)

func benchmark(b *testing.B, file string, decoder func(lorawan.Options) input.Decoder) {
	pretty, err := os.ReadFile("testdata/" + file)
	require.NoError(b, err)
	var body bytes.Buffer
	require.NoError(b, json.Compact(&body, pretty))
	c := newCity(b, "", wells)
	d := decoder(c.opts)
	m := message(body.Bytes())
	var batch reading.Batch
	var out reading.Builder
	b.SetBytes(int64(body.Len()))
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
