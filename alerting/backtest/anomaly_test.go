package backtest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/backtest"
	"github.com/belfry-city/belfry/alerting/backtest/table"
	"github.com/belfry-city/belfry/internal/config"
)

// mean is a small model: the distance from the mean so far, in multiples of what is usual.
type mean struct {
	n, sum, spread float64
	seen           int
	factor         float64
}

func (m *mean) Observe(_ int64, values []float64) model.Verdict {
	v := 0.0
	for _, x := range values {
		v += x
	}
	if math.IsNaN(v) {
		return model.Verdict{Expected: math.NaN(), Lower: math.NaN(), Upper: math.NaN()}
	}
	m.seen++
	if m.n == 0 {
		m.n, m.sum = 1, v
		return model.Verdict{Expected: v, Lower: v, Upper: v}
	}
	expected := m.sum / m.n
	width := m.factor * (m.spread/m.n + 0.1)
	verdict := model.Verdict{Score: math.Abs(v-expected) / width, Expected: expected, Lower: expected - width, Upper: expected + width}
	m.n, m.sum, m.spread = m.n+1, m.sum+v, m.spread+math.Abs(v-expected)
	return verdict
}

func (m *mean) AppendBinary(b []byte) ([]byte, error) {
	return binary.Append(b, binary.LittleEndian, m.n)
}

func (m *mean) UnmarshalBinary([]byte) error { return errors.New("not here") }

func kinds() []model.Kind {
	options := []model.Option{
		{Name: "width", Default: 3, Min: 1, Max: 100, Meaning: "half of the band, in usual distances"},
		{Name: "rhythm", Default: 86400, Min: 60, Max: 604800, Duration: true, Meaning: "how long until it all comes again"},
		{Name: "trees", Default: 10, Min: 1, Max: 100, Whole: true, Meaning: "how many"},
	}
	return []model.Kind{
		{Name: "mean", Summary: "Far from the mean.", Options: options, New: func(_ int, s model.Settings, _ *time.Location) model.Model { return &mean{factor: s["width"]} }},
		{Name: "sum", Summary: "Far from the mean of the sum.", Joint: true, New: func(int, model.Settings, *time.Location) model.Model { return &mean{factor: 3} }},
	}
}

func run(t *testing.T, file string, change func(*backtest.Anomaly)) (out, said string, err error) {
	t.Helper()
	var b, text strings.Builder
	a := backtest.Anomaly{
		Open:  func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(file)), nil },
		Table: table.Options{File: "f.csv", Time: "t", Values: []string{"v"}},
		Choose: func(columns int) (model.Kind, model.Settings, error) {
			k, err := backtest.Default(kinds(), columns)
			return k, k.Defaults(), err
		},
		Threshold: 1, Out: &b,
	}
	if change != nil {
		change(&a)
	}
	result, err := a.Run(t.Context())
	if err == nil {
		require.NoError(t, result.WriteText(&text, "f.csv", config.LanguageEnglish))
	}
	return b.String(), text.String(), err
}

func TestOneRowOutForEachRowIn(t *testing.T) {
	out, said, err := run(t, "t,v\n2024-01-01 00:00,10\n2024-01-01 00:10,10.5\n2024-01-01 00:20,\n2024-01-01 00:30,20\n2024-01-01 00:30,10\n", nil)
	require.NoError(t, err)
	require.Equal(t, `timestamp,value,anomaly_score,expected,lower,upper
2024-01-01 00:00,10,0,10,10,10
2024-01-01 00:10,10.5,1.66666667,10,9.7,10.3
2024-01-01 00:20,,0,,,
2024-01-01 00:30,20,9.28571429,10.25,9.2,11.3
2024-01-01 00:30,10,9.28571429,10.25,9.2,11.3
`, out)
	require.Equal(t, `f.csv: rows: 5, of v; model mean
  alarms   2 (96.0 a day)
note: missing values: 1
note: rows with the time of the row above: 1 of 5. If the file holds several series, choose one by --where COLUMN=VALUE; if its times are in two columns, name both: --time-column Date,Time
`, said)
}

func TestModelsLearnDaysByTheClocksOfTheZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, columns := range []string{"v", "v,w"} {
		var told []*time.Location
		_, _, err = run(t, "t,v,w\n2024-01-01 00:00,10,1\n", func(a *backtest.Anomaly) {
			a.Table.Zone, a.Table.Values = berlin, []string{columns}
			a.Choose = func(int) (model.Kind, model.Settings, error) {
				return model.Kind{New: func(_ int, _ model.Settings, zone *time.Location) model.Model {
					told = append(told, zone)
					return &mean{factor: 1}
				}}, nil, nil
			}
		})
		require.NoError(t, err)
		require.Len(t, told, len(columns)/2+1)
		for _, zone := range told {
			require.Equal(t, berlin, zone)
		}
	}
}

// A pipe in which much is waiting already is looked at as a file is: that the month comes first is found out by the last row.
func TestAPipeThatIsFullIsLookedAtLikeAFile(t *testing.T) {
	file := "t,v\n01/02/2024 00:00,1\n" + strings.Repeat("01/02/2024 00:00,1\n", 1000) + "01/13/2024 00:00,1\n"
	_, said, err := run(t, file, func(a *backtest.Anomaly) { a.Once = true })
	require.NoError(t, err)
	require.Contains(t, said, "rows: 1002, ")
}

func TestLabels(t *testing.T) {
	file := "t;v;fault\n"
	for i := range 100 {
		v, fault := 10+i%2, 0
		if i >= 60 && i < 65 {
			fault = 1
		}
		if i >= 62 && i < 66 || i == 3 {
			v = 40
		}
		file += fmt.Sprintf("%d;%d;%d\n", i*60, v, fault)
	}
	labelled := func(a *backtest.Anomaly) {
		a.Table.Label = "fault"
		a.Skip = backtest.Skip{Share: 0.15}
	}
	_, said, err := run(t, file, labelled)
	require.NoError(t, err)
	require.Equal(t, `f.csv: rows: 100, of v; model mean, the first 15 not judged
  alarms   1, of which false: 0 (0 a day); precision 1.00
  windows  1: 1 found, 0 missed; delay 2m0s on average, median 2m0s
  rows     precision 0.75, recall 0.60, F1 0.67, false-alarm rate 1.2 %, missed-alarm rate 40.0 %
`, said)

	// In two files, one of which can be read only once.
	_, _, err = run(t, file, func(a *backtest.Anomaly) { labelled(a); a.Once = true })
	require.EqualError(t, err, "--skip: a share needs a file, or --sort; say how many rows, such as --skip 400")
	_, again, err := run(t, file, func(a *backtest.Anomaly) { labelled(a); a.Once, a.Sort = true, true })
	require.NoError(t, err)
	require.Equal(t, said, again)

	_, _, err = run(t, file, func(a *backtest.Anomaly) { a.Skip.Rows = 99 })
	require.NoError(t, err)
	out, _, err := run(t, file, func(a *backtest.Anomaly) { a.Skip.Rows = 100 })
	require.EqualError(t, err, "--skip 100: f.csv has rows: 100, so that none is left to judge; want fewer, or a share such as 15%")
	require.Equal(t, 101, strings.Count(out, "\n"), "scores are written all the same")

	out, _, err = run(t, file, func(a *backtest.Anomaly) { a.Warmup = 61 * time.Minute })
	require.NoError(t, err)
	require.Contains(t, out, "\n180,40,1,", "it warms up")
	require.NotContains(t, out, "\n3720,40,1,")
}

func TestSeveralColumns(t *testing.T) {
	const file = "t,v,w\n1,10,1\n2,10,1\n3,10,50\n4,99,1\n"
	out, _, err := run(t, file, func(a *backtest.Anomaly) {
		a.Table.Values = []string{"v,w"}
	})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(out, "timestamp,value,anomaly_score,expected,lower,upper\n1,10,0,11,"), "a joint model is the default: %s", out)

	out, _, err = run(t, file, func(a *backtest.Anomaly) {
		a.Table.Values = []string{"v", "w"}
		a.Choose = func(int) (model.Kind, model.Settings, error) { return kinds()[0], kinds()[0].Defaults(), nil }
	})
	require.NoError(t, err)
	require.Equal(t, `timestamp,value,anomaly_score,expected,lower,upper,column
1,10,0,10,10,10,v
2,10,0,10,9.7,10.3,v
3,50,163.333333,1,0.7,1.3,w
4,99,296.666667,10,9.7,10.3,v
`, out)
}

func TestSortedRowsComeOutInTheOrderOfTheirTimes(t *testing.T) {
	const file = "t,v\n2024-01-02,2\n2024-01-01,1\n2024-01-02,3\n"
	_, _, err := run(t, file, nil)
	require.ErrorContains(t, err, "f.csv:3: ")
	out, said, err := run(t, file, func(a *backtest.Anomaly) { a.Sort = true })
	require.NoError(t, err)
	require.Contains(t, out, "\n2024-01-01,1,0,1,1,1\n2024-01-02,2,")
	require.Contains(t, said, "rows with the time of the row above: 1")
}

func TestWhatIsBeforeAMistakeIsWritten(t *testing.T) {
	out, _, err := run(t, "t,v\n1,1\n2,x\n", nil)
	require.ErrorContains(t, err, `f.csv:3: column "v"`)
	require.Equal(t, "timestamp,value,anomaly_score,expected,lower,upper\n1,1,0,1,1,1\n", out)
	out, _, err = run(t, "t,v\n1,1\n2,x\n", func(a *backtest.Anomaly) { a.Skip = backtest.Skip{Share: 0.5} })
	require.ErrorContains(t, err, `f.csv:3: column "v"`)
	require.Equal(t, "timestamp,value,anomaly_score,expected,lower,upper\n1,1,0,1,1,1\n", out)
	_, _, err = run(t, "t,v\n", nil)
	require.EqualError(t, err, "f.csv: has no rows of readings")
	_, _, err = run(t, "t,v,l\n1,1,6\n", func(a *backtest.Anomaly) { a.Table.Where = []string{"l=7"} })
	require.EqualError(t, err, "f.csv: has no rows of readings with l=7, which --where asks for")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = (&backtest.Anomaly{
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("t,v\n1,1\n")), nil },
		Table:  table.Options{Time: "t", Values: []string{"v"}},
		Choose: func(int) (model.Kind, model.Settings, error) { return kinds()[0], kinds()[0].Defaults(), nil }, Out: io.Discard,
	}).Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestOptionsOfModels(t *testing.T) {
	k := kinds()[0]
	set, err := backtest.Settings(k, []string{"width=5", "rhythm=2h", "trees=20"})
	require.NoError(t, err)
	require.Equal(t, model.Settings{"width": 5, "rhythm": 7200, "trees": 20}, set)
	set, err = backtest.Settings(k, []string{"rhythm=90"})
	require.NoError(t, err)
	require.Equal(t, model.Settings{"width": 3, "rhythm": 90, "trees": 10}, set)
	for text, want := range map[string]string{
		"width":      `--option: want NAME=VALUE; got "width"`,
		"with=3":     `--option with: unknown option of model mean; did you mean "width"?`,
		"width=wide": `--option width: want a number from 1 to 100, such as 3 (half of the band, in usual distances); got "wide"`,
		"width=nan":  `--option width: want a number from 1 to 100, such as 3 (half of the band, in usual distances); got "nan"`,
		"rhythm=1s":  `--option rhythm: want a duration from 1m to 1w, such as 1d (how long until it all comes again); got "1s"`,
		"trees=1.5":  `--option trees: want a whole number from 1 to 100, such as 10 (how many); got "1.5"`,
	} {
		_, err := backtest.Settings(k, []string{text})
		require.EqualError(t, err, want)
	}
	_, err = backtest.Named(kinds(), "maen")
	require.EqualError(t, err, `--model: no model is called "maen"; did you mean "mean"? There are:
  mean          Far from the mean.
                  width=3  half of the band, in usual distances
                  rhythm=1d  how long until it all comes again
                  trees=10  how many
  sum           Far from the mean of the sum.
`)
}

// BenchmarkRows reads, judges and writes rows such as loggers write.
func BenchmarkRows(b *testing.B) {
	var file strings.Builder
	file.WriteString("time,other,value,label\n")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range b.N {
		fmt.Fprintf(&file, "%s,xxxxxxxxxxxx,%d,0\n", at.Add(time.Duration(i)*time.Second).Format("2006-01-02 15:04:05"), i%1000)
	}
	b.SetBytes(int64(file.Len() / b.N))
	b.ReportAllocs()
	b.ResetTimer()
	_, err := (&backtest.Anomaly{
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(file.String())), nil },
		Table:  table.Options{Time: "time", Values: []string{"value"}, Label: "label"},
		Choose: func(int) (model.Kind, model.Settings, error) { return kinds()[0], kinds()[0].Defaults(), nil }, Threshold: 1, Out: io.Discard,
	}).Run(b.Context())
	require.NoError(b, err)
}
