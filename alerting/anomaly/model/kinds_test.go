package model_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
)

const start = int64(1_700_000_000_000)

func seriesOf(k model.Kind) int {
	if k.Joint {
		return 3
	}
	return 1
}

func kind(t *testing.T, name string) model.Kind {
	t.Helper()
	for _, k := range model.Kinds() {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("there is no kind %q", name)
	return model.Kind{}
}

func drawn(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // it is to be the same each time
}

// alarms are the samples whose score is over 1.
func alarms(m model.Model, step int64, n int, at func(i int) float64) (when []int) {
	for i := range n {
		if m.Observe(start+int64(i)*step, []float64{at(i)}).Score > 1 {
			when = append(when, i)
		}
	}
	return when
}

func anyIn(when []int, from, to int) bool {
	for _, i := range when {
		if i >= from && i < to {
			return true
		}
	}
	return false
}

func forEachKind(t *testing.T, test func(t *testing.T, k model.Kind)) {
	t.Helper()
	for _, k := range model.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

// ordinary are series in which nothing is wrong.
func ordinary() map[string]func(r *rand.Rand, i int, last float64) float64 {
	return map[string]func(r *rand.Rand, i int, last float64) float64{
		"white noise":    func(r *rand.Rand, _ int, _ float64) float64 { return r.NormFloat64() },
		"autoregressive": func(r *rand.Rand, _ int, last float64) float64 { return 0.95*last + r.NormFloat64() },
		"with a day": func(r *rand.Rand, i int, _ float64) float64 {
			return 10*math.Sin(2*math.Pi*float64(i)/288) + r.NormFloat64()
		},
		"counts that come in bursts": func(r *rand.Rand, _ int, last float64) float64 {
			x := 0.8 * last
			if r.Float64() < 0.01 {
				x += 20 * r.ExpFloat64()
			}
			return math.Round(x + math.Abs(r.NormFloat64()))
		},
		"constant with rare jumps": func(r *rand.Rand, _ int, last float64) float64 {
			if r.Float64() < 0.004 {
				return math.Round(5 * r.NormFloat64())
			}
			return last
		},
		"of a coarse sensor": func(r *rand.Rand, _ int, _ float64) float64 { return math.Round(0.4*r.NormFloat64() + 20.2) },
		"random walk":        func(r *rand.Rand, _ int, last float64) float64 { return last + r.NormFloat64() },
		"of a heavy tail":    func(r *rand.Rand, _ int, _ float64) float64 { return math.Exp(r.NormFloat64()) },
	}
}

// What is ordinary for a series is no reason for alarms, of whichever kind it is.
func TestOrdinarySeriesGiveFewAlarms(t *testing.T) {
	t.Parallel()
	const samples, first, most, merge = 6000, 1000, 6, 100
	forEachKind(t, func(t *testing.T, k model.Kind) {
		for name, next := range ordinary() {
			r := drawn(1)
			m := k.New(seriesOf(k), k.Defaults(), nil)
			alarms, ended := 0, -merge
			last := make([]float64, seriesOf(k))
			for i := range samples {
				for c := range last {
					last[c] = next(r, i, last[c])
				}
				s := m.Observe(start+int64(i)*300_000, last).Score
				if s > 1 && i-ended > merge && i >= first {
					alarms++
				}
				if s > 1 {
					ended = i
				}
			}
			limit := most
			if k.Name == "auto" {
				limit *= 2 // it alarms as early as it is worth it, and some of that is false
			}
			if alarms > limit {
				t.Errorf("%d alarms in %d samples of a series that is %s, want at most %d", alarms, samples-first, name, limit)
			}
		}
	})
}

// odd are the values that a broken sensor sends.
func odd() []float64 {
	return []float64{
		math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 0, 1, -1, 1e-300, 1e15, 1e15 + 1,
	}
}

func checkVerdict(t interface{ Errorf(string, ...any) }, name string, v model.Verdict) {
	if !(v.Score >= 0) || math.IsInf(v.Score, 0) {
		t.Errorf("%s: score is %v, want a number that is not negative", name, v.Score)
	}
	if math.IsInf(v.Expected, 0) {
		t.Errorf("%s: expected is %v", name, v.Expected)
	}
	if v.Lower > v.Upper {
		t.Errorf("%s: bounds are %v and %v", name, v.Lower, v.Upper)
	}
}

func FuzzModelsTakeAnyValue(f *testing.F) {
	f.Add(uint64(1), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, uint8(0))
	f.Add(uint64(2), []byte{6, 6, 6, 6, 6, 6, 3}, uint8(3))
	f.Add(uint64(3), []byte{7, 20, 7, 20, 4, 9}, uint8(200))
	f.Fuzz(func(t *testing.T, seed uint64, script []byte, stretch uint8) {
		if len(script) == 0 || len(script) > 64 {
			return
		}
		// One kind at a time, so that inputs are quick to try.
		k := model.Kinds()[seed%uint64(len(model.Kinds()))]
		r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // it is to be the same each time
		m := k.New(seriesOf(k), k.Defaults(), nil)
		at := start
		values := make([]float64, seriesOf(k))
		for i := range 900 + int(stretch)*2 {
			step := int64(10_000)
			b := script[i*len(script)/(900+int(stretch)*2)]
			switch {
			case b > 250:
				step = 30 * 86_400_000
			case b > 240:
				step = 1
			case b > 230:
				step = 3_600_000
			}
			at += step
			for c := range values {
				values[c] = r.NormFloat64()
				if o := odd(); int(b) < len(o) {
					values[c] = o[b]
				} else if b%2 == 1 {
					values[c] = float64(b) * math.Sin(float64(i)/20)
				}
			}
			checkVerdict(t, k.Name, m.Observe(at, values))
		}
	})
}

func TestSensorsThatSendAnythingDoNoHarm(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, k model.Kind) {
		rapid.Check(t, func(t *rapid.T) {
			m := k.New(seriesOf(k), k.Defaults(), nil)
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)) //nolint:gosec // it is to be the same each time
			at := start
			values := make([]float64, seriesOf(k))
			parts := rapid.SliceOfN(rapid.SampledFrom(append(odd(), 2, 3, 5, 7)), 2, 8).Draw(t, "parts")
			for _, part := range parts {
				step := rapid.SampledFrom([]int64{0, 1, 1000, 10_000, 300_000, 3_600_000, 30 * 86_400_000}).Draw(t, "step")
				for range 80 {
					at += step
					for c := range values {
						values[c] = part
						if part >= 2 && part <= 7 {
							values[c] = part + r.NormFloat64()
						}
					}
					checkVerdict(t, k.Name, m.Observe(at, values))
				}
			}
		})
	})
}

func TestAnyOptionMayBeAtItsBounds(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, k model.Kind) {
		for _, o := range k.Options {
			for _, bound := range []float64{o.Min, o.Max} {
				set := k.Defaults()
				set[o.Name] = bound
				m, r := k.New(seriesOf(k), set, nil), drawn(8)
				values := make([]float64, seriesOf(k))
				for i := range 1200 {
					for c := range values {
						values[c] = math.Sin(float64(i)/9) + r.NormFloat64()
					}
					checkVerdict(t, fmt.Sprintf("%s is %g", o.Name, bound), m.Observe(start+int64(i)*300_000, values))
				}
				state, err := m.AppendBinary(nil)
				if err != nil {
					t.Fatal(err)
				}
				if err := k.New(seriesOf(k), set, nil).UnmarshalBinary(state); err != nil {
					t.Errorf("%s is %g: %v", o.Name, bound, err)
				}
			}
		}
	})
}

func same(a, b model.Verdict) bool {
	eq := func(x, y float64) bool {
		return math.Float64bits(x) == math.Float64bits(y) || math.IsNaN(x) && math.IsNaN(y)
	}
	return eq(a.Score, b.Score) && eq(a.Expected, b.Expected) && eq(a.Lower, b.Lower) && eq(a.Upper, b.Upper)
}

// A restart at any moment changes nothing.
func TestAModelGoesOnFromItsState(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, k model.Kind) {
		rapid.Check(t, func(t *rapid.T) {
			cut := rapid.IntRange(0, 800).Draw(t, "cut")
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)) //nolint:gosec // it is to be the same each time
			whole := k.New(seriesOf(k), k.Defaults(), nil)
			parted := whole
			values := make([]float64, seriesOf(k))
			for i := range 900 {
				at := start + int64(i)*900_000
				for c := range values {
					values[c] = 5*math.Sin(float64(i)/15) + r.NormFloat64()
					if r.Float64() < 0.01 {
						values[c] = odd()[r.IntN(len(odd()))]
					}
				}
				if i == cut {
					state, err := whole.AppendBinary([]byte("before"))
					if err != nil {
						t.Fatal(err)
					}
					parted = k.New(seriesOf(k), k.Defaults(), nil)
					if err := parted.UnmarshalBinary(state[len("before"):]); err != nil {
						t.Fatal(err)
					}
				}
				v := whole.Observe(at, values)
				if i < cut {
					continue
				}
				if p := parted.Observe(at, values); !same(v, p) {
					t.Fatalf("cut at %d: verdict of sample %d is %v, want %v", cut, i, p, v)
				}
			}
			a, _ := whole.AppendBinary(nil)
			b, _ := parted.AppendBinary(nil)
			if !bytes.Equal(a, b) {
				t.Fatal("the states differ at the end")
			}
		})
	})
}

func TestAStateThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, k model.Kind) {
		m := k.New(seriesOf(k), k.Defaults(), nil)
		r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // it is to be the same each time
		values := make([]float64, seriesOf(k))
		for i := range 700 {
			for c := range values {
				values[c] = r.NormFloat64()
			}
			m.Observe(start+int64(i)*60_000, values)
		}
		state, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		fresh, _ := k.New(seriesOf(k), k.Defaults(), nil).AppendBinary(nil)
		refused := func(what string, m model.Model, state []byte) {
			t.Helper()
			if err := m.UnmarshalBinary(state); err == nil {
				t.Errorf("a state %s was taken", what)
			}
			if got, _ := m.AppendBinary(nil); what != "of more series" && what != "of other options" && !bytes.Equal(got, fresh) {
				t.Errorf("after a state %s the model is not as new", what)
			}
		}
		for n := 0; n < len(state); n += 1 + len(state)/50 {
			refused(fmt.Sprintf("of %d bytes instead of %d", n, len(state)), m, state[:n])
		}
		refused("with a byte more", m, append(bytes.Clone(state), 0))
		altered := bytes.Clone(state)
		altered[len(altered)/2] ^= 1
		refused("with a bit changed", m, altered)
		older := bytes.Clone(state)
		older[0]++
		refused("of another version", m, older)
		refused("of more series", k.New(seriesOf(k)+1, k.Defaults(), nil), state)
		set := k.Defaults()
		set["every"] *= 2
		refused("of other options", k.New(seriesOf(k), set, nil), state)
		for _, other := range model.Kinds() {
			if other.Name != k.Name {
				foreign, _ := other.New(seriesOf(k), other.Defaults(), nil).AppendBinary(nil)
				refused("of "+other.Name, m, foreign)
			}
		}
	})
}

// A value that no one would overlook is found, once.
func TestWhatIsPlainIsFound(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, k model.Kind) {
		r := rand.New(rand.NewPCG(3, 1)) //nolint:gosec // it is to be the same each time
		m := k.New(seriesOf(k), k.Defaults(), nil)
		values := make([]float64, seriesOf(k))
		const samples, from = 2600, 2400
		before, found, on := 0, 0, false
		for i := range samples {
			for c := range values {
				values[c] = 20 + 5*math.Sin(2*math.Pi*float64(i)/96) + 0.3*r.NormFloat64()
			}
			if i >= from && i < from+48 {
				values[0] = 45 + 0.3*r.NormFloat64()
			}
			switch s := m.Observe(start+int64(i)*900_000, values).Score; {
			case s > 1 && i < from:
				if !on {
					before++
				}
				on = true
			case s > 1:
				found++
			default:
				on = false
			}
		}
		if found == 0 || !k.Joint && found > 3 {
			t.Errorf("%d samples over 1 after the sensor jumped, want one or a few", found)
		}
		if before > 4 {
			t.Errorf("%d alarms before anything happened", before)
		}
	})
}

func BenchmarkObserve(b *testing.B) {
	for _, k := range model.Kinds() {
		b.Run(k.Name, func(b *testing.B) {
			n := 1
			if k.Joint {
				n = 8
			}
			m := k.New(n, k.Defaults(), nil)
			r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // it is to be the same each time
			values := make([]float64, n)
			i := 0
			observe := func() {
				for c := range values {
					values[c] = 5*math.Sin(2*math.Pi*float64(i)/288) + r.NormFloat64()
				}
				m.Observe(start+int64(i)*300_000, values)
				i++
			}
			for range 3000 {
				observe()
			}
			b.ReportAllocs()
			for b.Loop() {
				observe()
			}
			state, _ := m.AppendBinary(nil)
			b.ReportMetric(float64(len(state)), "state-bytes")
		})
	}
}
