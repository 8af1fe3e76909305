package lineproto_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
)

// loads are inputs of the kinds that are met in practice.
func loads(t testing.TB) map[string][]byte {
	const lines = 5000
	all := map[string][]byte{}
	add := func(name string, line func(i int, at int64) string) {
		var b bytes.Buffer
		for i := range lines {
			b.WriteString(line(i, 1732350000123000000+int64(i)*1000003))
		}
		all[name] = b.Bytes()
	}
	add("parking", func(i int, at int64) string {
		return fmt.Sprintf("parking,asset=YZ-P%03d-B%04d,lot=YZ-P%03d,source=geomagnetic occupied=%d,battery=3.%d,rssi=-%di %d\n",
			i%60, i, i%60, i%2, 30+i*7%60, 40+i*13%70, at)
	})
	add("well", func(i int, at int64) string {
		return fmt.Sprintf("gas,asset=YZ-W%04d ch4_lel_percent=%.2f,h2s_ppm=%.1f,co_ppm=%d,o2_percent=%.2f,level_m=%.3f %d\n",
			i%1500, float64(i%997)/100, float64(i%53)/10, i%31, 20+float64(i%97)/100, float64(i%4001)/1000, at)
	})
	add("chinese", func(i int, at int64) string {
		return fmt.Sprintf("井盖,街道=解放碑,社区=民权路,asset=YZ-W%04d 倾角=%.1f,水位=%.2f %d\n",
			i, float64(i%900)/10, float64(i%400)/100, at)
	})
	add("sensor", func(i int, at int64) string {
		return fmt.Sprintf("structure,asset=YZ-BR%02d-S%03d strain_microstrain=%.13f,temperature=%.14f %d\n",
			i%20, i%3000, 100+float64(i)/7, 20+float64(i)/7777, at)
	})
	telegraf, err := os.ReadFile("testdata/telegraf.influx")
	require.NoError(t, err)
	all["telegraf"] = bytes.Repeat(telegraf, 40)
	return all
}

// BenchmarkParse reads the same loads with this parser and with
// influxdata/line-protocol, which is the peer:
//
//	go test -bench Parse -count 10 | benchstat -col /parser -
func BenchmarkParse(b *testing.B) {
	for _, load := range []string{"parking", "well", "sensor", "chinese", "telegraf"} {
		raw := loads(b)[load]
		b.Run("load="+load+"/parser=belfry", func(b *testing.B) {
			var p lineproto.Parser
			var batch reading.Batch
			perSample(b, raw, func() int {
				batch.Reset()
				p.Parse(&batch, raw, 1, lineproto.Options{MaxLine: 1 << 16, Now: now})
				return batch.Samples()
			})
			require.Empty(b, batch.Refusals)
		})
		b.Run("load="+load+"/parser=influxdata", func(b *testing.B) {
			perSample(b, raw, func() int { return peer(b, raw) })
		})
	}
}

func perSample(b *testing.B, raw []byte, read func() int) {
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	samples := 0
	for b.Loop() {
		samples += read()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(samples), "ns/sample")
}

// peer decodes all of raw and returns how many samples are in it.
func peer(b *testing.B, raw []byte) (samples int) {
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	for d := lineprotocol.NewDecoderWithBytes(raw); d.Next(); {
		_, err := d.Measurement()
		check(err)
		for {
			key, _, err := d.NextTag()
			check(err)
			if key == nil {
				break
			}
		}
		for {
			key, value, err := d.NextField()
			check(err)
			if key == nil {
				break
			}
			if value.Kind() != lineprotocol.String {
				samples++
			}
		}
		_, err = d.Time(lineprotocol.Nanosecond, time.Time{})
		check(err)
	}
	return samples
}
