package chart

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// grid draws lines at round values, with labels.
func (a *panel) grid(atMost int) {
	step := roundStep(a.high/float64(atMost) - a.low/float64(atMost))
	if step == 0 {
		return
	}
	for n := math.Ceil(a.low / step); n*step <= a.high; n++ {
		y := a.y(n * step)
		a.StrokeLine2(a.line(pale, 0.7), a.box.Min.X, y, a.box.Max.X, y)
		a.write(strconv.FormatFloat(n*step+0, 'g', 6, 64), 11, black, vg.Point{X: a.box.Min.X - 6, Y: y}, text.XRight, text.YCenter)
	}
}

// roundStep is the least of 1, 2 and 5 times a power of ten that is not less than a step; 0: there is none.
func roundStep(least float64) float64 {
	if !(least > 0) || math.IsInf(least, 0) {
		return 0
	}
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, times := range []float64{1, 2, 5} {
		if times*power >= least {
			return times * power
		}
	}
	return 10 * power
}

// times draws lines at round times, and labels where it is asked for them.
func (a *panel) times(labels bool) {
	const parts = 10
	from, to := time.UnixMilli(a.from).In(a.Zone), time.UnixMilli(a.to).In(a.Zone)
	for _, t := range ticksOf(from, to, parts, a.Language) {
		x := a.x(t.at.UnixMilli())
		a.StrokeLine2(a.line(pale, 0.7), x, a.box.Min.Y, x, a.box.Max.Y)
		if !labels {
			continue
		}
		a.StrokeLine2(a.line(grey, 0.7), x, a.box.Min.Y, x, a.box.Min.Y-4)
		a.write(t.label, 11, black, vg.Point{X: x, Y: a.box.Min.Y - 7}, text.XCenter, text.YTop)
		a.write(t.below, 11, grey, vg.Point{X: x, Y: a.box.Min.Y - 22}, text.XCenter, text.YTop)
	}
}

func (a *panel) frame() {
	b := a.box
	a.StrokeLines(a.line(grey, 0.7), []vg.Point{b.Min, {X: b.Min.X, Y: b.Max.Y}, b.Max, {X: b.Max.X, Y: b.Min.Y}, b.Min})
}

// name writes beside the axis what it measures.
func (a *panel) name(name string) {
	style := draw.TextStyle{Color: ink(black, 255), Font: font.From(a.face, 12), Rotation: math.Pi / 2, XAlign: text.XCenter, YAlign: text.YTop, Handler: a.fonts}
	a.FillText(style, vg.Point{X: 12, Y: (a.box.Min.Y + a.box.Max.Y) / 2}, name)
}

// runs are the points between which a line is drawn.
func (a *panel) runs(has func(point) bool) [][]point {
	apart := a.series.apart()
	var all [][]point
	var run []point
	for _, p := range a.series.points {
		if len(run) > 0 && (!has(p) || p.at-run[len(run)-1].at > apart) {
			all = append(all, run)
			run = nil
		}
		if has(p) {
			run = append(run, p)
		}
	}
	if len(run) > 0 {
		all = append(all, run)
	}
	return all
}

// band draws between which bounds a usual value lies.
func (a *panel) band() {
	for _, run := range a.runs(func(p point) bool { return !math.IsNaN(p.lower) && !math.IsNaN(p.upper) }) {
		var outline []vg.Point
		for _, p := range run {
			outline = append(outline, vg.Point{X: a.x(p.at), Y: a.y(p.upper)})
		}
		for i := len(run) - 1; i >= 0; i-- {
			outline = append(outline, vg.Point{X: a.x(run[i].at), Y: a.y(run[i].lower)})
		}
		a.FillPolygon(ink(sky, 80), outline)
	}
}

// stroke draws a line in pieces: what it costs to draw one grows with the square of how often it goes up and down.
func (p *picture) stroke(style draw.LineStyle, line []vg.Point) {
	const piece = 50
	for ; len(line) > piece; line = line[piece-1:] {
		p.StrokeLines(style, line[:piece])
	}
	p.StrokeLines(style, line)
}

// expectation is the line of what was expected: it lies over the readings, in dashes, so that both are seen where they agree.
func (p *picture) expectation() draw.LineStyle { return p.line(orange, 1.8, 7, 5) }

// lines draws the readings, and over them what was expected.
func (a *panel) lines() {
	for _, run := range a.runs(func(p point) bool { return !math.IsNaN(p.low) }) {
		var line []vg.Point
		for _, p := range run {
			line = append(line, vg.Point{X: a.x(p.at), Y: a.y(p.low)})
			if p.high > p.low {
				line = append(line, vg.Point{X: a.x(p.at), Y: a.y(p.high)})
			}
		}
		if len(run) == 1 { // a line of one point cannot be seen
			a.DrawGlyph(draw.GlyphStyle{Color: ink(blue, 255), Radius: 1.2, Shape: draw.CircleGlyph{}}, line[0])
			continue
		}
		a.stroke(a.line(blue, 1.4), line)
	}
	for _, run := range a.runs(func(p point) bool { return !math.IsNaN(p.expected) }) {
		var line []vg.Point
		for _, p := range run {
			line = append(line, vg.Point{X: a.x(p.at), Y: a.y(p.expected)})
		}
		a.stroke(a.expectation(), line)
	}
}

// beyond shows which readings are off the scale: by triangles at its edge, and of the farthest by its value.
func (a *panel) beyond() {
	var highest, lowest *point
	for i := range a.series.points {
		p := &a.series.points[i]
		if p.high > a.high {
			a.arrow(vg.Point{X: a.x(p.at), Y: a.box.Max.Y}, -1)
			if highest == nil || p.high > highest.high {
				highest = p
			}
		}
		if p.low < a.low {
			a.arrow(vg.Point{X: a.x(p.at), Y: a.box.Min.Y}, 1)
			if lowest == nil || p.low < lowest.low {
				lowest = p
			}
		}
	}
	const size, off = 11, 9
	tell := func(at int64, value float64, y vg.Length) {
		what := fmt.Sprintf(a.say.beyond, strconv.FormatFloat(value, 'g', 6, 64))
		x := a.x(at) + off
		if long := a.long(what, size); x+long > a.box.Max.X-4 {
			x = a.x(at) - off - long
		}
		a.write(what, size, black, vg.Point{X: x, Y: y}, text.XLeft, text.YCenter)
	}
	if highest != nil {
		tell(highest.at, highest.high, a.box.Max.Y-off)
	}
	if lowest != nil {
		tell(lowest.at, lowest.low, a.box.Min.Y+off)
	}
}

// arrow points out of the panel; inward is 1 where that is up.
func (a *panel) arrow(tip vg.Point, inward vg.Length) {
	base := tip.Y + 9*inward
	a.FillPolygon(ink(blue, 255), []vg.Point{tip, {X: tip.X - 5, Y: base}, {X: tip.X + 5, Y: base}})
}

// score draws the score as an area; what is over 1 stands out.
func (a *panel) score(cut bool) {
	one := a.y(1)
	for _, run := range a.runs(func(p point) bool { return !math.IsNaN(p.score) }) {
		under := []vg.Point{{X: a.x(run[0].at), Y: a.box.Min.Y}}
		for _, p := range run {
			under = append(under, vg.Point{X: a.x(p.at), Y: a.y(math.Min(p.score, 1))})
		}
		under = append(under, vg.Point{X: a.x(run[len(run)-1].at), Y: a.box.Min.Y})
		a.FillPolygon(ink(grey, 150), under)
	}
	for _, run := range a.runs(func(p point) bool { return p.score > 1 }) {
		over := []vg.Point{{X: a.x(run[0].at), Y: one}}
		for _, p := range run {
			over = append(over, vg.Point{X: a.x(p.at), Y: a.y(p.score)})
		}
		over = append(over, vg.Point{X: a.x(run[len(run)-1].at), Y: one})
		a.FillPolygon(ink(vermilion, 255), over)
		a.StrokeLines(a.line(vermilion, 1.3), over) // a single row has no area
	}
	a.StrokeLine2(a.line(black, 1.2, 5, 3), a.box.Min.X, one, a.box.Max.X, one)
	if cut {
		a.write("> "+strconv.FormatFloat(a.high, 'g', 2, 64)+" "+a.say.cut, 10, grey, vg.Point{X: a.box.Max.X, Y: a.box.Max.Y + 4}, text.XRight, text.YBottom)
	}
}

// marks shows above the panel where alarms began.
func (a *panel) marks() {
	y := a.box.Max.Y + 8
	for _, alarm := range a.Alarms {
		a.mark(vg.Point{X: a.x(alarm.Start), Y: y}, alarm.Right || !a.Labels, a.Labels)
	}
}

// mark draws an alarm: of right ones a triangle that points at them, of false ones a cross.
func (p *picture) mark(at vg.Point, right, labels bool) {
	if !right {
		const r = 4
		style := p.line(vermilion, 2)
		p.StrokeLine2(style, at.X-r, at.Y-r, at.X+r, at.Y+r)
		p.StrokeLine2(style, at.X-r, at.Y+r, at.X+r, at.Y-r)
		return
	}
	rgb := uint32(green)
	if !labels {
		rgb = vermilion
	}
	p.FillPolygon(ink(rgb, 255), []vg.Point{{X: at.X - 5, Y: at.Y + 5}, {X: at.X + 5, Y: at.Y + 5}, {X: at.X, Y: at.Y - 5}})
}

// legend says what the signs mean, of those that there are.
func (p *picture) legend(at vg.Point) {
	const size, sign, gap, half = 12, 31, 18, 5
	entry := func(there bool, name string, draw func(from, to vg.Length)) {
		if !there {
			return
		}
		draw(at.X, at.X+sign)
		p.write(name, size, black, vg.Point{X: at.X + sign + 5, Y: at.Y}, text.XLeft, text.YCenter)
		at.X += sign + 5 + p.long(name, size) + gap
	}
	stroke := func(style draw.LineStyle) func(from, to vg.Length) {
		return func(from, to vg.Length) { p.StrokeLine2(style, from, at.Y, to, at.Y) }
	}
	area := func(rgb uint32, alpha uint8) func(from, to vg.Length) {
		return func(from, to vg.Length) {
			p.FillPolygon(ink(rgb, alpha), []vg.Point{{X: from, Y: at.Y - half}, {X: to, Y: at.Y - half}, {X: to, Y: at.Y + half}, {X: from, Y: at.Y + half}})
		}
	}
	mark := func(right bool) func(from, to vg.Length) {
		return func(from, to vg.Length) { p.mark(vg.Point{X: (from + to) / 2, Y: at.Y}, right, p.Labels) }
	}
	var found, missed, right, wrong bool
	for _, w := range p.Windows {
		found, missed = found || w.Found, missed || !w.Found
	}
	for _, a := range p.Alarms {
		right, wrong = right || a.Right, wrong || !a.Right
	}
	entry(true, p.say.reading, stroke(p.line(blue, 2)))
	entry(true, p.say.expected, stroke(p.expectation()))
	entry(true, p.say.usual, area(sky, 110))
	entry(!p.Labels && (right || wrong), p.say.alarm, mark(true))
	entry(p.Labels && right, p.say.right, mark(true))
	entry(p.Labels && wrong, p.say.wrong, mark(false))
	entry(found, p.say.found, area(green, 90))
	entry(missed, p.say.missed, area(vermilion, 90))
	entry(p.judged > p.first, p.say.learning, area(pale, 255))
}
