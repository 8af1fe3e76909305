package hj212

import (
	"errors"
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
	for round := range 200 {
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
		order := make([]int, len(pieces))
		for i := range order {
			order[i] = i
		}
		if round%2 == 1 { // some come late, some come again
			rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			order = append(order, order[:rnd.IntN(len(order))]...)
			rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		before := len(h.desk.whole())
		for _, i := range order {
			c.send(partOf(fmt.Sprint(round, "-", i), 7, i+1, len(pieces), pieces[i]))
		}
		waiting := map[string]bool{}
		for i := range pieces {
			waiting[ack(fmt.Sprint(round, "-", i), 4)] = true
		}
		for len(waiting) > 0 {
			delete(waiting, c.hears())
		}
		require.Equal(t, want, h.desk.whole()[before:], "%q %v", pieces, order)
	}
}

// TestADeviceThatWaitsForItsAnswerGetsIt has a part whose end could go on in the
// next one, which the device sends only after the answer.
func TestADeviceThatWaitsForItsAnswerGetsIt(t *testing.T) {
	for name, answerTime := range map[string]time.Duration{"when it asks again": time.Minute, "soon": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			h := startServer(t, func(o *Options) { o.AnswerTime = answerTime })
			c := h.dial()
			first := partOf("1", 7, 1, 2, "DataTime=20160801080000;L5-Data=53.0;L10-Data=52.0")
			c.send(first)
			if answerTime == time.Minute {
				eventually(t, func() bool { return len(h.desk.decoded()) == 1 }, "what is certain is stored")
				require.Equal(t, []string{hourly("noise_l5_db_data", 53)}, h.desk.decoded())
				c.send(first)
			}
			require.Equal(t, ack("1", 4), c.hears())
			c.send(partOf("2", 7, 2, 2, "DataTime=20160801080000;Leq-Data=50.0"))
			require.Equal(t, ack("2", 4), c.hears())
			// The answer was lost.
			c.send(partOf("2", 7, 2, 2, "DataTime=20160801080000;Leq-Data=50.0"), first)
			require.Equal(t, ack("2", 4), c.hears())
			require.Equal(t, ack("1", 4), c.hears())
			require.Equal(t, []string{
				hourly("noise_l5_db_data", 53), hourlyCut("noise_l10_db_data", 52), hourly("noise_l10_db_data", 52), hourly("noise_leq_db_data", 50),
			}, h.desk.decoded())
			require.Empty(t, h.desk.reasons())
		})
	}
}

func hourlyCut(name string, v float64) string {
	return fmt.Sprintf(`1: %s_flagged{asset="outfall-3",flag="cut",period="hour"} %v @2016-08-01T00:00:00.000Z`, name, v)
}

// TestAPartThatComesAgainIsTheSamePart has devices that cut anywhere, and send a
// part again because its answer has to wait for the next one.
func TestAPartThatComesAgainIsTheSamePart(t *testing.T) {
	for _, test := range []struct {
		parts []string
		order []int
		want  []string // without what is flagged as cut
	}{
		{
			[]string{"DataTime=20160801080000;w01018-Avg=1", "9.5;w21003-Av", "g=2.5;w00000-Avg=3.5"}, []int{1, 1, 2, 3},
			[]string{hourly("water_cod_mg_per_l_avg", 19.5), hourly("water_nh3_n_mg_per_l_avg", 2.5), hourly("water_flow_l_per_second_avg", 3.5)},
		},
		{
			[]string{"DataTime=20160801080000;w01018-Avg=1", ".5;w21003-Av", "g=2.5;w00000-Avg=3.5"}, []int{1, 2, 2, 3},
			[]string{hourly("water_cod_mg_per_l_avg", 1.5), hourly("water_nh3_n_mg_per_l_avg", 2.5), hourly("water_flow_l_per_second_avg", 3.5)},
		},
		{
			[]string{"DataTime=20160801080000;w01018-Avg=19.5,w01018-Fl", "ag=D;w00000-Avg=3.5"}, []int{1, 1, 2, 2, 1},
			[]string{`1: water_cod_mg_per_l_avg_flagged{asset="outfall-3",flag="D",period="hour"} 19.5 @2016-08-01T00:00:00.000Z`, hourly("water_flow_l_per_second_avg", 3.5)},
		},
	} {
		h := startServer(t, nil)
		c := h.dial()
		for _, n := range test.order {
			c.send(partOf("1", 7, n, len(test.parts), test.parts[n-1]))
		}
		for range test.parts {
			require.Equal(t, ack("1", 4), c.hears())
		}
		require.Equal(t, test.want, h.desk.whole())
		require.Empty(t, h.desk.reasons())
	}
}

// whole are the values that are not flagged as cut.
func (d *desk) whole() []string {
	return slices.DeleteFunc(d.decoded(), func(line string) bool { return line == "" || strings.Contains(line, `flag="cut"`) })
}

// TestPartsMayComeInAnyOrder has a device whose parts overtake each other.
func TestPartsMayComeInAnyOrder(t *testing.T) {
	parts := []string{"DataTime=20160801080000;w01018-Avg=1", "9.5;w21003-Av", "g=2.5;w00000-Avg=3.5"}
	want := []string{hourly("water_cod_mg_per_l_avg", 19.5), hourly("water_nh3_n_mg_per_l_avg", 2.5), hourly("water_flow_l_per_second_avg", 3.5)}
	for _, order := range [][]int{{1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}, {3, 3, 2, 1}} {
		for name, qn := range map[string]func(int) string{
			"of one QN":   func(int) string { return "20160801085857534" },
			"of QNs each": func(n int) string { return fmt.Sprintf("2016080108585753%d", n) },
		} {
			t.Run(fmt.Sprint(order, name), func(t *testing.T) {
				h := startServer(t, nil)
				c := h.dial()
				answers := map[string]bool{}
				for _, n := range order {
					c.send(partOf(qn(n), 7, n, 3, parts[n-1]))
				}
				for range parts {
					answers[c.hears()] = true
				}
				for n := range 3 {
					require.True(t, answers[ack(qn(n+1), 4)])
				}
				c.hearsNothingBefore()
				require.Equal(t, want, h.desk.whole()[:3])
				require.Empty(t, h.desk.reasons())
			})
		}
	}
}

// TestAGapIsNotFilledWithTheNextReport has a first part that was spoilt on its
// way, and a device that does not send it again.
func TestAGapIsNotFilledWithTheNextReport(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	c.send(partOf("20160801080000000", 6, 2, 2, "9.5,w01018-Flag=N;w21003-Avg=2.5"))
	c.send(partOf("20160801090000000", 6, 1, 2, "DataTime=20160801080000;w01018-Avg=1"))
	c.send(partOf("20160801090000000", 6, 2, 2, "7,w01018-Flag=N"))
	c.hearsNothingBefore()
	require.Equal(t, hourly("water_cod_mg_per_l_avg", 17), h.desk.whole()[0])
	require.Equal(t, []reading.Reason{reading.ReasonIncomplete}, h.desk.reasons())
	require.Contains(t, h.desk.refused[0].Detail, "other parts came")
}

func TestAPartThatIsMissingIsCounted(t *testing.T) {
	h := startServer(t, func(o *Options) { o.PartTime = 100 * time.Millisecond })
	c := h.dial()
	c.send(partOf("1", 7, 1, 3, "DataTime=20160801080000;w01018-Avg=40.1,w01018-Flag=N;w01001-Avg=7"))
	eventually(t, func() bool { return len(h.desk.reasons()) == 1 }, "the next part did not come")
	require.Contains(t, h.desk.refused[0].Detail, "1 of 3 parts")
	require.Equal(t, "w01001-Avg=7", string(h.desk.refused[0].Raw), "a value that may go on is not stored")
	c.send(partOf("3", 7, 3, 3, ".5,w01001-Flag=N"))
	eventually(t, func() bool { return len(h.desk.reasons()) == 2 }, "those before it did not come")
	require.Equal(t, ".5,w01001-Flag=N", string(h.desk.refused[1].Raw))
	c.hearsNothingBefore()
	require.Equal(t, []reading.Reason{reading.ReasonIncomplete, reading.ReasonIncomplete}, h.desk.reasons())
	require.Equal(t, hourly("water_cod_mg_per_l_avg", 40.1), h.desk.decoded()[0])
	// A part that can stand alone is taken.
	c.send(partOf("4", 7, 2, 2, "DataTime=20160801080000;w01010-Avg=20,w01010-Flag=N"))
	require.Equal(t, ack("4", 4), c.hears())
	require.NoError(t, c.Close())
}

// TestOfAReportWithAGapWhatIsCompleteIsStored has parts that end where a
// pollutant ends, and one that got lost among others.
func TestOfAReportWithAGapWhatIsCompleteIsStored(t *testing.T) {
	h := startServer(t, func(o *Options) { o.PartTime = 200 * time.Millisecond })
	c := h.dial()
	c.send(partOf("1", 7, 1, 4, "DataTime=20160801080000;w01018-Avg=19.5;"), partOf("1", 7, 2, 4, "w21003-Avg=2.5;"))
	require.Equal(t, ack("1", 4), c.hears(), "what ends with a semicolon is complete")
	require.Equal(t, ack("1", 4), c.hears())
	c.send(partOf("1", 7, 4, 4, "9.5;w00000-Avg=3.5"))
	eventually(t, func() bool { return len(h.desk.reasons()) == 1 }, "part 3 does not come")
	c.hearsNothingBefore()
	require.Equal(t, "9.5;", string(h.desk.refused[0].Raw))
	require.Contains(t, h.desk.refused[0].Detail, "3 of 4 parts")
	require.Equal(t, []string{
		hourly("water_cod_mg_per_l_avg", 19.5), hourly("water_nh3_n_mg_per_l_avg", 2.5), hourly("water_flow_l_per_second_avg", 3.5),
	}, h.desk.whole()[:3])
}

// TestSemicolonsWithinAPollutantAreLearned has a device that puts them where the
// standard has commas, so that a flag may come behind one.
func TestSemicolonsWithinAPollutantAreLearned(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	c.send(partOf("1", 6, 1, 3, "DataTime=20160801080000;w01018-Avg=19.5;w01018-Fl"), partOf("1", 6, 2, 3, "ag=D;w21003-Avg=2.5;"), partOf("1", 6, 3, 3, "w21003-Flag=D"))
	c.hearsNothingBefore()
	require.Equal(t, []string{
		`1: water_cod_mg_per_l_avg_flagged{asset="outfall-3",flag="D",period="hour"} 19.5 @2016-08-01T00:00:00.000Z`,
		`1: water_nh3_n_mg_per_l_avg_flagged{asset="outfall-3",flag="D",period="hour"} 2.5 @2016-08-01T00:00:00.000Z`,
	}, h.desk.whole()[:2])
	require.Empty(t, h.desk.reasons())
}

// TestAPartIsAnsweredWhenAllOfItIsOnDisk has a disk that fails while a part is
// stored in two pieces.
func TestAPartIsAnsweredWhenAllOfItIsOnDisk(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	setFail := func(err error) {
		h.desk.mu.Lock()
		defer h.desk.mu.Unlock()
		h.desk.fail = err
	}
	setFail(errors.New("the disk is full"))
	first, second := partOf("1", 7, 1, 2, "DataTime=20160801080000;w01018-Avg=19.5;w21003-Avg=2"), partOf("2", 7, 2, 2, ".5")
	c.send(first)
	eventually(t, func() bool { return len(h.desk.decoded()) == 1 }, "the first piece")
	setFail(nil)
	c.send(second)
	require.Equal(t, ack("2", 4), c.hears())
	c.hearsNothingBefore()
	c.send(first)
	require.Equal(t, ack("1", 4), c.hears())
	all := h.desk.whole()
	require.Equal(t, []string{hourly("water_cod_mg_per_l_avg", 19.5), hourly("water_nh3_n_mg_per_l_avg", 2.5)}, all[len(all)-2:])
}

func TestWhatAConnectionHoldsOfReportsInPartsIsBounded(t *testing.T) {
	h := startServer(t, nil)
	c := h.dial()
	long := strings.Repeat("9", 3000)
	for n := 2; n <= 2*mostHeld/len(long); n++ {
		c.send(partOf("1", 7, n, 9999, long))
	}
	c.hearsNothingBefore()
	require.Contains(t, h.desk.reasons(), reading.ReasonIncomplete)
	require.Contains(t, h.desk.refused[0].Detail, "more than 64 KiB")
	// A report in order may be as long as it likes.
	for n := 1; n <= 2*mostHeld/len(long); n++ {
		c.send(partOf("2", 7, n, 9999, "DataTime=20160801080000;w01018-Avg=19.5,i1-Info=//"+long[:2000]+"//;"))
		require.Equal(t, ack("2", 4), c.hears())
	}
}

func TestManyReportsInPartsAtOnceAreBounded(t *testing.T) {
	h := startServer(t, func(o *Options) { o.Stations = nil })
	c := h.dial()
	for i := range mostReports + 5 {
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
