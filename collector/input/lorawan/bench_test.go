package lorawan_test

import (
	"bytes"
	"encoding/json"
	"os"
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
	samples := 0
	for b.Loop() {
		batch.Reset()
		out.Reset(&batch)
		out.Message(m.Body)
		d.Decode(m, &out)
		out.Done()
		samples += batch.Samples()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(samples), "ns/sample")
}
