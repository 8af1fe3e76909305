//go:build !race

package hj212

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/reading"
	device "github.com/belfry-city/belfry/loadtest/hj212"
)

// wholeReport is a report of 20 readings, some of them flagged, one of a code
// that is in no table.
func wholeReport() (segment string, readings int) {
	codes := []string{
		"w01018", "w21003", "w21011", "w21001", "w01001", "w01010", "w00000", "w01009", "w01014", "w01012",
		"a21026", "a21002", "a34004", "a34002", "a21005", "a01001", "a01002", "Leq", "S01", "x99001",
	}
	var b strings.Builder
	b.WriteString("QN=20160801085857223;ST=32;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=5;CP=&&DataTime=20160801085857")
	for i, code := range codes {
		flag := "N"
		if i%7 == 3 {
			flag = "D"
		}
		_, _ = fmt.Fprintf(&b, ";%s-Rtd=%d.%d,%s-Flag=%s", code, i, i, code, flag)
	}
	return b.String() + "&&", len(codes)
}

func TestAllocDecoderAllocatesNothing(t *testing.T) {
	d := testDecoder(t)
	text, readings := wholeReport()
	m := saying(text)
	var w reading.Builder
	var b reading.Batch
	run := func() {
		b.Reset()
		w.Reset(&b)
		w.Message(m.Body)
		d.Decode(m, &w)
		w.Done()
	}
	run()
	require.Equal(t, readings, b.Samples())
	require.Empty(t, b.Refusals)
	require.Zero(t, testing.AllocsPerRun(1000, run))
}

func TestAllocScannerAllocatesNothing(t *testing.T) {
	text, _ := wholeReport()
	frame := device.Frame(text)
	s := scanner{sum: newChecksum(), max: StandardSegment}
	found := 0
	run := func() {
		s.filled(copy(s.space(), frame))
		for {
			data, wrong := s.next()
			if data == nil && wrong == nil {
				return
			}
			if seg := parseSegment(data); seg.cn == cnReadings {
				found++
			}
		}
	}
	require.Zero(t, testing.AllocsPerRun(1000, run))
	require.Equal(t, 1001, found)
}

// BenchmarkDecode is the whole way from bytes of the stream to a batch.
func BenchmarkDecode(b *testing.B) {
	d := testDecoder(b)
	text, readings := wholeReport()
	frame := device.Frame(text)
	s := scanner{sum: newChecksum(), max: StandardSegment}
	m := saying("")
	var w reading.Builder
	var batch reading.Batch
	b.ReportAllocs()
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		s.filled(copy(s.space(), frame))
		data, _ := s.next()
		m.Body = data
		batch.Reset()
		w.Reset(&batch)
		w.Message(m.Body)
		d.Decode(m, &w)
		w.Done()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(readings), "ns/reading")
}
