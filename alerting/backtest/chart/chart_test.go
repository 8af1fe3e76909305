package chart_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/backtest/chart"
	"github.com/belfry-city/belfry/alerting/backtest/score"
	"github.com/belfry-city/belfry/internal/config"
)

// strain is a bridge's daily rhythm for two weeks, a value every ten minutes, with a drift, a spike that nobody labelled,
// a gap, and a step that is missed.
func strain(days int) (*chart.Series, chart.Options) {
	s, t := &chart.Series{}, &score.Tally{Threshold: 1, Labels: true}
	start := time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)
	seed := uint32(1)
	for i := range days * 144 {
		at := start.Add(time.Duration(i) * 10 * time.Minute).UnixMilli()
		day := float64(i) / 144
		seed = seed*1664525 + 1013904223
		expected := 120 + 20*math.Sin(2*math.Pi*day)
		v := expected + 4*(float64(seed>>8)/(1<<24)-0.5)
		drift, step := day > 8 && day < 9.2, day > 11.5 && day < 12
		switch {
		case drift:
			v += 15 * (day - 8)
		case step:
			v -= 4
		case i == 700:
			v += 35
		case day > 6 && day < 6.4:
			v = math.NaN()
		}
		score := math.Abs(v-expected) / 7
		if math.IsNaN(v) {
			score = 0
		}
		counts := day >= 2
		s.Add(at, v, model.Verdict{Score: score, Expected: expected, Lower: expected - 7, Upper: expected + 7}, counts)
		if counts {
			t.Add(at, score, drift || step)
		}
	}
	zone, _ := time.LoadLocation("Europe/Copenhagen")
	return s, chart.Options{
		Title: "strain.csv: strain (µε)", Subtitle: "1 of 2 anomalies found, 1 false alarm (0.1 a day); model seasonal", Value: "strain (µε)",
		Windows: t.Windows(), Alarms: t.Alarms(), Labels: true, Zone: zone,
	}
}

func drawn(t *testing.T, s *chart.Series, o chart.Options) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := s.DrawSmall(&b, o); err != nil {
		require.ErrorIs(t, err, chart.ErrNoFont)
	}
	i, err := png.Decode(&b)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 400, 225), i.Bounds())
	return i
}

// has counts the pixels of a colour.
func has(i image.Image, want color.NRGBA) int {
	n := 0
	for y := range i.Bounds().Dy() {
		for x := range i.Bounds().Dx() {
			if c, ok := color.NRGBAModel.Convert(i.At(x, y)).(color.NRGBA); ok && c == want {
				n++
			}
		}
	}
	return n
}

func TestWhatWasFoundAndMissedIsSeen(t *testing.T) {
	s, o := strain(14)
	i := drawn(t, s, o)
	for name, c := range map[string]color.NRGBA{
		"readings": {0, 0x72, 0xb2, 255}, "right alarms": {0, 0x9e, 0x73, 255}, "false alarms": {0xd5, 0x5e, 0, 255},
	} {
		require.Positive(t, has(i, c), name)
	}
	o.Windows, o.Alarms, o.Labels = nil, nil, false
	require.Zero(t, has(drawn(t, s, o), color.NRGBA{0, 0x9e, 0x73, 255}), "nothing was labelled")
}

func TestAMillionRowsAreDrawnInBoundedMemory(t *testing.T) {
	s := &chart.Series{}
	for i := range 1_000_000 {
		v := math.Sin(float64(i) / 5e4)
		if i == 777_777 {
			v = 9
		}
		s.Add(int64(i)*1000, v, model.Verdict{Expected: math.NaN(), Lower: math.NaN(), Upper: math.NaN(), Score: v / 9}, true)
	}
	require.LessOrEqual(t, s.Points(), 3000)
	require.Equal(t, 9.0, s.Highest(), "what sticks out is kept")
	drawn(t, s, chart.Options{Title: "many"})
}

func TestSeveralSeriesAreDrawnOneAboveTheOther(t *testing.T) {
	s, o := strain(3)
	for n := range 3 {
		blank := drawn(t, s, o)
		o.Lanes = append(o.Lanes, chart.Lane{Name: "应变 " + string(rune('A'+n)), Series: s})
		require.NotEqual(t, blank, drawn(t, s, o), "%d lanes", n+1)
	}
}

func TestOddSeriesAreDrawn(t *testing.T) {
	nan := model.Verdict{Expected: math.NaN(), Lower: math.NaN(), Upper: math.NaN()}
	for story, rows := range map[string][]float64{
		"nothing": nil, "one row": {1}, "no value at all": {math.NaN(), math.NaN()}, "a constant": {5, 5, 5}, "zeros": {0, 0}, "huge": {-1e300, 1e300}, "tiny": {1e-300, 2e-300},
	} {
		t.Run(story, func(t *testing.T) {
			s := &chart.Series{}
			for i, v := range rows {
				s.Add(int64(i)*60_000, v, nan, true)
			}
			drawn(t, s, chart.Options{})
		})
	}
}

func TestChinese(t *testing.T) {
	s, o := strain(14)
	o.Title, o.Subtitle, o.Value, o.Language = "应变.csv：应变（µε）", "发现 1 段，遗漏 1 段；误报 1 次（每天 0.1 次）；模型 seasonal", "应变（µε）", config.LanguageChinese
	var b bytes.Buffer
	if err := s.Draw(&b, o); err != nil {
		require.ErrorIs(t, err, chart.ErrNoFont)
	}
	i, err := png.Decode(&b)
	require.NoError(t, err, "it is drawn in any case")
	require.Equal(t, image.Rect(0, 0, 1600, 900), i.Bounds())
	require.ErrorContains(t, s.Draw(&b, chart.Options{Font: "chart_test.go"}), "--font chart_test.go: want a TrueType or OpenType font")
}

// full draws a picture as users get it.
func full(t *testing.T, s *chart.Series, o chart.Options) *image.NRGBA {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, s.Draw(&b, o))
	decoded, err := png.Decode(&b)
	require.NoError(t, err)
	i := image.NewNRGBA(decoded.Bounds())
	draw.Draw(i, i.Bounds(), decoded, image.Point{}, draw.Src)
	return i
}

// rows counts the rows of pixels within a part of a picture that have a colour, or one near to it, as thin lines do.
func rows(i *image.NRGBA, part image.Rectangle, want color.NRGBA) int {
	n := 0
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			const near = 60
			c := i.NRGBAAt(x, y)
			if max(apart(c.R, want.R), apart(c.G, want.G), apart(c.B, want.B)) < near {
				n++
				break
			}
		}
	}
	return n
}

func apart(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

// wave is a rhythm of four days that is expected as it comes, but for values that are put in its places.
func wave(instead map[int]float64) *chart.Series {
	s := &chart.Series{}
	for i := range 4 * 144 {
		expected := 120 + 20*math.Sin(2*math.Pi*float64(i)/144)
		v, ok := instead[i]
		if !ok {
			v = expected
		}
		s.Add(int64(i)*600_000, v, model.Verdict{Expected: expected, Lower: expected - 5, Upper: expected + 5}, true)
	}
	return s
}

func TestWhatIsExpectedIsSeenWhereReadingsAgreeWithIt(t *testing.T) {
	i := full(t, wave(nil), chart.Options{})
	orange, blue, readings := color.NRGBA{0xe6, 0x9f, 0, 255}, color.NRGBA{0, 0x72, 0xb2, 255}, image.Rect(108, 142, 1550, 564)
	require.Greater(t, rows(i, readings, orange), 200)
	require.Greater(t, rows(i, readings, blue), 200)
}

func TestReadingsAreSeenBesideFewThatAreOffTheScale(t *testing.T) {
	blue, black := color.NRGBA{0, 0x72, 0xb2, 255}, color.NRGBA{0x22, 0x22, 0x22, 255}
	before := image.Rect(108, 142, 700, 564) // two days without anything
	label, below := image.Rect(900, 142, 1300, 160), image.Rect(1000, 546, 1400, 564)
	for story, far := range map[string]float64{"a million": 1e6, "the largest number": math.MaxFloat64} {
		t.Run(story, func(t *testing.T) {
			i := full(t, wave(map[int]float64{300: far, 350: -far}), chart.Options{})
			require.Greater(t, rows(i, before, blue), 200, "the rhythm")
			require.Positive(t, rows(i, label, black), "what is above the scale")
			require.Positive(t, rows(i, below, black), "what is below it")
		})
	}
	i := full(t, wave(map[int]float64{300: 170}), chart.Options{})
	require.Zero(t, rows(i, label, black), "all is on the scale")
}

func TestTheLargestNumbersHaveAnAxis(t *testing.T) {
	instead := map[int]float64{}
	for i := range 4 * 144 {
		instead[i] = 1.7e308 * float64(1-i%2*2)
	}
	i := full(t, wave(instead), chart.Options{})
	require.Greater(t, rows(i, image.Rect(108, 142, 1550, 564), color.NRGBA{0, 0x72, 0xb2, 255}), 350)
	require.Greater(t, rows(i, image.Rect(30, 142, 100, 564), color.NRGBA{0x22, 0x22, 0x22, 255}), 15, "its labels")
}

// BenchmarkNoise draws readings that go up and down as often as can be, and an expectation that follows them.
func BenchmarkNoise(b *testing.B) {
	s := &chart.Series{}
	for i := range 6000 {
		v := float64(i%7) * float64(1-i%2*2)
		s.Add(int64(i)*60_000, v, model.Verdict{Expected: -v, Lower: v - 1, Upper: v + 1, Score: math.Abs(v) / 4}, true)
	}
	for b.Loop() {
		require.NoError(b, s.Draw(io.Discard, chart.Options{}))
	}
}
