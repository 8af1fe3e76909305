package model

import (
	"math"
	"slices"
	"sort"
	"time"
)

// resonance finds shapes and levels that a series did not have before.
//
// It is fuzzy adaptive resonance (Carpenter, Grossberg and Rosen, Neural Networks 4, 1991) with two vigilances, over windows of
// eight blocks of samples that are described by their Haar wavelets and by their levels; windows that resemble no category are
// anomalies, once for each cause. The way in which blocks are described, vigilances learned and alarms masked follows M. Hampton's
// ARTime (2021). Unlike there, the range is not known in advance: it is that of the first samples, widened, and grows with the
// values, and the categories with it; and there are only so many categories, of which the one goes that was longest of no use.
//
// A block of samples takes about 32 operations a category, which for blocks of 7 samples and 200 categories is about 1 µs a
// sample; the model takes 36 bytes a category and 20 KB while it learns, 2 KB afterwards.
type resonance struct {
	of    uint32
	first int // samples from which the vigilances are learned
	most  int // categories
	step  int // samples of a block
	trend int // blocks of the first samples
	known bool
	alarm alarm
	fresh alarm

	// of the block under way
	n             int
	sum, max, min float64
	average       float64
	blocks        int

	lo, hi float64   // the range
	early  []float64 // blocks from before the range is known
	ready  bool

	shape window8
	net   net

	quiet    int     // blocks since the last that was novel
	last     int     // block of the last anomaly, 0 before the first
	lastLike float64 // and how like the nearest category it was
	updated  int     // block of the last change of the vigilances
	pastSum  float64 // how like anomalies were, without the last
	pastLast float64
	pastOf   int
	mean     float64 // how like blocks are
	meanOf   int
	recent   []float32 // how like blocks were of late
	lacks    []uint8   // by how much they were less like than the upper vigilance, in parts of lackPart
}

const (
	resonanceMask = 12 // blocks
	// resonanceWiden is by which part of itself the range of the first samples is widened on both sides.
	resonanceWiden = 0.5
	// resonanceLimit is the strength of an anomaly that is an alarm.
	resonanceLimit = 0.42
	resonanceLong  = 1 << 31
)

func resonanceKind() Kind {
	k := Kind{
		Name: "resonance", Version: 1,
		Summary: "The shape or the level of some blocks of samples is unlike any before.",
		Options: alarmOptions(
			Option{Name: "learn", Default: 520, Min: 104, Max: 20_000, Whole: true, Meaning: "samples from which it learns before the first score"},
			Option{Name: "categories", Default: 200, Min: 20, Max: 2000, Whole: true, Meaning: "shapes that it remembers"},
		),
	}
	k.New = func(series int, set Settings, _ *time.Location) Model {
		first := int(set["learn"])
		r := &resonance{
			of: stateOf(k.Name, series, set), first: first - first%2, most: int(set["categories"]), fresh: newAlarm(set, 1),
		}
		r.reset()
		return r
	}
	return k
}

func (r *resonance) reset() {
	*r = resonance{of: r.of, first: r.first, most: r.most, fresh: r.fresh, alarm: r.fresh}
	r.step = max(1, r.first/(window*13))
	r.trend = r.first / r.step
	r.recent = slices.Repeat([]float32{1}, r.trend/2+1)
	r.lacks = make([]uint8, r.trend+1)
	r.lo, r.hi = math.Inf(1), math.Inf(-1)
}

// Observe implements Model.
func (r *resonance) Observe(_ int64, values []float64) Verdict {
	v := none()
	if x := values[0]; finite(x) {
		v.Score = r.alarm.score(r.add(bounded(x)) / resonanceLimit * r.alarm.limit)
	}
	return v
}

// add takes the next sample, and says how strong an anomaly the block is that ends with it.
func (r *resonance) add(x float64) float64 {
	if r.n == 0 {
		r.sum, r.max, r.min = 0, x, x
	}
	r.n++
	r.sum += x
	r.max, r.min = math.Max(r.max, x), math.Min(r.min, x)
	if r.n < r.step {
		return 0
	}
	d := r.extreme(r.sum / float64(r.n))
	r.n = 0
	if r.ready {
		r.widen(r.min, r.max)
		f := r.shape.add(r.scale(d))
		return r.detect(&f, r.blocks)
	}
	r.early = append(r.early, d)
	if !r.known {
		r.lo, r.hi = math.Min(r.lo, r.min), math.Max(r.hi, r.max)
	}
	if r.blocks == r.trend {
		r.begin()
	}
	return 0
}

// extreme is what stands for a block: its mean, or that extreme which is a spike.
func (r *resonance) extreme(mean float64) float64 {
	r.blocks = min(r.blocks+1, resonanceLong)
	if r.blocks == 1 {
		r.average = mean
	}
	r.average = (r.average + mean) / 2
	d := r.max
	if math.Abs(r.max-r.average) < math.Abs(r.min-r.average) {
		d = r.min
	}
	if math.Abs(d-mean) < 0.1*math.Abs(mean) {
		d = mean
	}
	return d
}

func (r *resonance) scale(d float64) float64 {
	if r.hi == r.lo {
		return d - r.lo
	}
	return (d - r.lo) / (r.hi - r.lo)
}

// widen has the range reach to values, and what is known with it.
func (r *resonance) widen(low, high float64) {
	if low >= r.lo && high <= r.hi {
		return
	}
	width := r.hi - r.lo
	if width == 0 {
		width = math.Max(high-low, math.Max(r.lo-low, high-r.hi))
	}
	// One value far off does not blind: the range grows by its own width at most.
	lo, hi := math.Max(math.Min(low, r.lo), r.lo-width), math.Min(math.Max(high, r.hi), r.hi+width)
	if !(hi > lo) {
		return
	}
	a, b := (r.hi-r.lo)/(hi-lo), (r.lo-lo)/(hi-lo)
	move := func(v float32) float32 { return float32(a*float64(v) + b) }
	r.net.move(move)
	r.shape.move(move)
	r.lo, r.hi = lo, hi
}

// begin learns the vigilances from the first blocks: the most unusual ones come first, so that those that follow show how like
// usual ones are.
func (r *resonance) begin() {
	r.ready = true
	if width := r.hi - r.lo; !r.known {
		r.lo, r.hi = r.lo-resonanceWiden*width, r.hi+resonanceWiden*width
	}
	all := make([]features, len(r.early))
	for i, d := range r.early {
		all[i] = r.shape.add(r.scale(d))
	}
	full := all[min(window-1, len(all)):]
	sums, order := make([]float64, len(full)), make([]int, len(full))
	for i := range full {
		order[i] = i
		for j := range full {
			sums[i] += full[i].cosine(&full[j])
		}
	}
	sort.SliceStable(order, func(a, b int) bool { return sums[order[a]] < sums[order[b]] })
	trial := net{lower: 0.8, upper: 0.8, most: len(full) + 1}
	rho, k := 0., 0
	for i, j := range order {
		trial.step(&full[j], true)
		if i >= r.trend/2-1 {
			rho += trial.match
			k++
		}
	}
	rho /= float64(max(k, 1))
	r.net = net{lower: rho, upper: rho, most: r.most, boxes: make([]box, 0, r.most), used: make([]uint32, 0, r.most)}
	for i := range all {
		r.detect(&all[i], i+1)
	}
	r.early = nil
}

// detect says how strong an anomaly block i is.
func (r *resonance) detect(f *features, i int) (strength float64) {
	open := i > r.trend+resonanceMask && r.quiet >= resonanceMask
	novel := r.net.step(f, i >= window) || i < window
	r.quiet = min(r.quiet+1, resonanceLong)
	if novel {
		r.quiet = 0
	}
	a := r.net.match
	r.meanOf = min(r.meanOf+1, resonanceLong)
	r.mean += (a - r.mean) / float64(r.meanOf)
	push(r.recent, a)
	copy(r.lacks, r.lacks[1:])
	r.lacks[len(r.lacks)-1] = uint8(max(0, min(lackMost, r.net.upper-a)) / lackPart)
	since := i - r.last
	if since < resonanceMask && r.pastOf > 0 {
		r.pastLast = min(r.pastLast, a)
	}
	near, after := since <= resonanceMask, since == resonanceMask
	factor := 0.7
	if near {
		factor = 0.9
	}
	deeper := a < r.lastLike*factor
	if i > r.trend && novel && (open && !near || deeper) {
		g := min(0.999, a)
		strength = min(1, 0.35*(r.net.upper-g)/(1-g)+0.65*(r.net.lower-g)/(1-g)+1.5*(1-r.net.energy))
		r.pastSum += r.pastLast
		r.pastLast = a
		r.pastOf = min(r.pastOf+1, resonanceLong)
		r.lastLike, r.last = a, i
	}
	if i > r.trend && (after || i-r.updated >= r.trend/2) {
		r.update(i)
	}
	return strength
}

func push(ring []float32, x float64) {
	copy(ring, ring[1:])
	ring[len(ring)-1] = float32(x)
}

// update moves the vigilances: up where all of late was like what was before, else down.
func (r *resonance) update(i int) {
	least := float64(slices.Min(r.recent))
	upper := min(0.97, r.mean)
	lower := r.net.lower
	if lower <= least {
		lower += 0.19 * (least - lower)
	} else {
		lower -= max(0.01, r.lack(i)) / 2
		if r.pastOf > 0 {
			lower = max((r.pastSum+r.pastLast)/float64(r.pastOf), lower)
		}
	}
	r.net.lower, r.net.upper = min(upper, lower), upper
	r.updated = i
}

func (r *resonance) lack(i int) float64 {
	if i <= 2*r.trend {
		return 0
	}
	sum, k := 0., 0
	for _, parts := range r.lacks {
		if x := float64(parts) * lackPart; x > 0.05 {
			sum += x
			k++
		}
	}
	return sum / float64(max(k, 1))
}

// lackMost bounds a lack.
const (
	lackMost = 0.37
	lackPart = lackMost / 255
)

func (r *resonance) layout(l *layout) {
	l.count(&r.n, r.step)
	l.float(&r.sum, &r.max, &r.min, &r.average, &r.lo, &r.hi)
	l.count(&r.blocks, resonanceLong)
	l.flag(&r.ready)
	early := len(r.early)
	l.count(&early, r.trend)
	if l.reading {
		r.early = make([]float64, early)
	}
	l.floats(r.early)
	r.shape.layout(l)
	r.net.most = r.most
	r.net.layout(l)
	for _, v := range []*int{&r.quiet, &r.last, &r.updated, &r.pastOf, &r.meanOf} {
		l.count(v, resonanceLong)
	}
	l.float(&r.lastLike, &r.pastSum, &r.pastLast, &r.mean)
	l.smalls(r.recent)
	l.bytes(r.lacks)
	r.alarm.layout(l)
}

// AppendBinary implements Model.
func (r *resonance) AppendBinary(to []byte) ([]byte, error) {
	return writeState(to, 1, r.of, r.layout), nil
}

// UnmarshalBinary implements Model.
func (r *resonance) UnmarshalBinary(from []byte) error {
	r.reset()
	err := readState(from, 1, r.of, r.layout)
	if err != nil {
		r.reset()
	}
	return err
}
