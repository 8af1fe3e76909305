package hj212

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/reading"
)

// partOf is part n of m of an hour's report.
func partOf(qn string, flag, n, m int, area string) string {
	return fmt.Sprintf("QN=%s;ST=32;CN=2061;PW=%s;MN=%s;Flag=%d;PNUM=%d;PNO=%d;CP=&&%s&&", qn, testPW, testMN, flag, m, n, area)
}

func hourly(name string, v float64) string {
	return fmt.Sprintf(`1: %s{asset="outfall-3",period="hour"} %v @2016-08-01T00:00:00.000Z`, name, v)
}

// TestPartsAreAnsweredOneByOneAsTheStandardHasIt is table C.50: the device sends
// the second part when it has the answer to the first.
func TestPartsAreAnsweredOneByOneAsTheStandardHasIt(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	c.send(partOf("20160801085857534", 7, 1, 2, "DataTime=20160801080000;w00000-Cou=63.0,w00000-Avg=17.5,w00000-Flag=N;w01001-Avg=7.5,w01001-Flag=N;"))
	require.Equal(t, ack("20160801085857534", 4), c.hears())
	c.send(partOf("20160801085857535", 7, 2, 2, "DataTime=20160801080000;w01018-Avg=40.1,w01018-Flag=N;"))
	require.Equal(t, ack("20160801085857535", 4), c.hears())
	require.Equal(t, []string{
		hourly("water_flow_discharged_m3", 63), hourly("water_flow_l_per_second_avg", 17.5), hourly("water_ph_avg", 7.5), hourly("water_cod_mg_per_l_avg", 40.1),
	}, h.desk.decoded())
	require.Empty(t, h.desk.reasons())
}

// TestAReportCutAnywhereIsPutTogether cuts the data area at every place, also
// within numbers, codes and flags.
func TestAReportCutAnywhereIsPutTogether(t *testing.T) {
	const area = "DataTime=20160801080000;w00000-Cou=63.25,w00000-Avg=17.5,w00000-Flag=N;060-Avg=12.75,060-Flag=D;011-Avg=40.1,011-Flag=N;Leq-Data=50.25"
	want := []string{
		hourly("water_flow_discharged_m3", 63.25), hourly("water_flow_l_per_second_avg", 17.5),
		`1: water_nh3_n_mg_per_l_avg_flagged{asset="outfall-3",flag="D",period="hour"} 12.75 @2016-08-01T00:00:00.000Z`,
		hourly("water_cod_mg_per_l_avg", 40.1), hourly("noise_leq_db_data", 50.25),
	}
	h := startServer(t, nil)
	c := h.dial()
	for cut := 1; cut < len(area); cut++ {
		before := len(h.desk.decoded())
		c.send(partOf("1", 7, 1, 2, area[:cut]), partOf("1", 7, 2, 2, area[cut:]))
		require.Equal(t, ack("1", 4), c.hears())
		require.Equal(t, ack("1", 4), c.hears())
		got := slices.DeleteFunc(h.desk.decoded()[before:], func(line string) bool { return line == "" })
		require.Equal(t, want, got, "%s | %s", area[:cut], area[cut:])
	}
	require.Empty(t, h.desk.reasons())
}

func TestAReportInManyPiecesIsPutTogether(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	h := startServer(t, nil)
	c := h.dial()
	for range 100 {
		area := "DataTime=20160801080000"
		var want []string
		for i := range 10 {
			area += fmt.Sprintf(";x%d-Avg=%d.5,x%d-Flag=N", i, 10+i, i)
			want = append(want, hourly(fmt.Sprintf("hj212_x%d_avg", i), 10.5+float64(i)))
		}
		var pieces []string
		for rest := area; len(rest) > 0; {
			n := min(len(rest), 1+rnd.IntN(40))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		if len(pieces) == 1 {
			continue
		}
		before := len(h.desk.decoded())
		for i, p := range pieces {
			c.send(partOf(fmt.Sprint(i), 7, i+1, len(pieces), p))
		}
		for i := range pieces {
			require.Equal(t, ack(fmt.Sprint(i), 4), c.hears())
		}
		require.Equal(t, want, slices.DeleteFunc(h.desk.decoded()[before:], func(l string) bool { return l == "" }), "%q", pieces)
	}
}

// TestADeviceThatWaitsForItsAnswerGetsItWhenItAsksAgain has a part whose end
// could go on in the next one, which the device sends only after the answer.
func TestADeviceThatWaitsForItsAnswerGetsItWhenItAsksAgain(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	first := partOf("1", 7, 1, 2, "DataTime=20160801080000;L5-Data=53.0;L10-Data=52.0")
	c.send(first)
	eventually(t, func() bool { return len(h.desk.decoded()) == 1 }, "what is certain is stored")
	require.Equal(t, []string{hourly("noise_l5_db_data", 53)}, h.desk.decoded())
	c.send(first)
	require.Equal(t, ack("1", 4), c.hears())
	c.send(partOf("2", 7, 2, 2, "DataTime=20160801080000;Leq-Data=50.0"))
	require.Equal(t, ack("2", 4), c.hears())
	// The answer was lost.
	c.send(partOf("2", 7, 2, 2, "DataTime=20160801080000;Leq-Data=50.0"))
	require.Equal(t, ack("2", 4), c.hears())
	require.Equal(t, []string{
		hourly("noise_l5_db_data", 53), hourly("noise_l10_db_data", 52), hourly("noise_leq_db_data", 50), hourly("noise_leq_db_data", 50),
	}, h.desk.decoded())
	require.Empty(t, h.desk.reasons())
}

func TestAPartThatIsMissingIsCounted(t *testing.T) {
	h := startServer(t, func(o *Options) { o.PartTime = 100 * time.Millisecond })
	c := h.dial()
	c.send(partOf("1", 7, 1, 3, "DataTime=20160801080000;w01018-Avg=40.1,w01018-Flag=N;w01001-Avg=7"))
	eventually(t, func() bool { return len(h.desk.reasons()) == 1 }, "the next part did not come")
	require.Contains(t, h.desk.refused[0].Detail, "1 of 3 parts")
	require.Equal(t, "w01001-Avg=7", string(h.desk.refused[0].Raw), "a value that may go on is not stored")
	c.send(partOf("3", 7, 3, 3, ".5,w01001-Flag=N"))
	c.hearsNothingBefore()
	require.Contains(t, h.desk.refused[1].Detail, "part 3 of 3 came without those before it")
	require.Equal(t, []reading.Reason{reading.ReasonIncomplete, reading.ReasonIncomplete}, h.desk.reasons())
	require.Equal(t, hourly("water_cod_mg_per_l_avg", 40.1), h.desk.decoded()[0])
	// A part that can stand alone is taken.
	c.send(partOf("4", 7, 2, 2, "DataTime=20160801080000;w01010-Avg=20,w01010-Flag=N"))
	require.Equal(t, ack("4", 4), c.hears())
	require.NoError(t, c.Close())
}

func TestManyReportsInPartsAtOnceAreBounded(t *testing.T) {
	h := startServer(t, func(o *Options) { o.Stations = nil })
	c := h.dial()
	for i := range mostAssemblies + 5 {
		c.send(strings.Replace(partOf("1", 6, 1, 9999, "DataTime=20160801080000;w01018-Avg=40"), testMN, fmt.Sprint(i), 1))
	}
	eventually(t, func() bool { return len(h.desk.reasons()) == 5 }, "the oldest give way")
}

func TestOnePartOfOneIsAWholeReport(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	c.send(partOf("1", 7, 1, 1, "DataTime=20160801080000;w01018-Avg=40"), segmentOf("2", 2061, 7, "DataTime=20160801080000;w01018-Avg=40"))
	require.Equal(t, ack("1", 4), c.hears())
	require.Equal(t, ack("2", 4), c.hears())
}
