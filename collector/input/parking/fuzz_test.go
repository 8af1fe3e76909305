package parking_test

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/parking"
	"github.com/belfry-city/belfry/collector/reading"
)

func fuzz(f *testing.F, d input.Decoder, seeds string) {
	files, err := filepath.Glob(seeds)
	require.NoError(f, err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var w reading.Builder
		var b reading.Batch
		w.Reset(&b)
		w.Message(body)
		d.Decode(&input.Message{Body: body, Received: received}, &w)
		w.Done()
		for _, p := range b.Points {
			for _, field := range b.Fields[p.First : p.First+p.Count] {
				_, labels, err := reading.LabelSpeller{}.Spell(b.Bytes(p.Key), b.Bytes(field.Name), nil)
				require.NoError(t, err)
				for _, l := range labels {
					require.True(t, utf8.Valid(l.Value))
				}
			}
		}
		for _, r := range b.Refusals {
			require.NotEmpty(t, r.Reason)
			require.NotEmpty(t, r.Detail)
			require.Less(t, len(r.Detail), 1000)
		}
	})
}

func FuzzParking(f *testing.F) { fuzz(f, decoder(f, nil), "testdata/parking/*.[cj]s*[nv]") }

func FuzzNGSI(f *testing.F) { fuzz(f, parking.NewNGSI(parking.Options{}), "testdata/ngsi/*.json") }
