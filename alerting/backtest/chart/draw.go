package chart

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"time"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/belfry-city/belfry/alerting/backtest/score"
	"github.com/belfry-city/belfry/internal/config"
)

// Options say what a picture tells besides the series.
type Options struct {
	// Title is what it is about, Subtitle how it went.
	Title, Subtitle string
	// Value is what the value is called.
	Value string
	// Lanes, if any, are drawn instead of the values of the series itself, one above the other.
	Lanes    []Lane
	Windows  []score.Window
	Alarms   []score.Alarm
	Labels   bool // whether there are any
	Zone     *time.Location
	Language config.Language
	// Font is the file of a font; "": the one that Belfry carries, or for Chinese one of the machine.
	Font string
}

// Lane is one of several series that were watched together.
type Lane struct {
	Name   string
	Series *Series
}

// MostLanes is how many lanes have room.
const MostLanes = 8

// The size of the picture in points, in which everything is drawn, and how many pixels an inch of it has: it is 1600 by 900
// pixels.
const (
	width, height = 1200, 675
	resolution    = 96
)

// The colours are those of Okabe and Ito (2008), which people with any kind of colour vision tell apart.
func ink(rgb uint32, alpha uint8) color.NRGBA {
	return color.NRGBA{R: uint8(rgb >> 16), G: uint8(rgb >> 8), B: uint8(rgb), A: alpha}
}

const (
	black, blue, sky, orange, green, vermilion = 0x222222, 0x0072b2, 0x56b4e9, 0xe69f00, 0x009e73, 0xd55e00
	grey, pale, white                          = 0x777777, 0xdddddd, 0xffffff
)

// picture is a series being drawn.
type picture struct {
	*Series
	Options
	say words
	draw.Canvas
	fonts text.Handler
	face  font.Font
	from  int64
	to    int64
}

// panel is a part of the picture with an axis of its own.
type panel struct {
	*picture
	series    *Series
	box       vg.Rectangle
	low, high float64
}

// Draw writes a PNG. Where the error is ErrNoFont the PNG is there all the same, with boxes for letters.
func (s *Series) Draw(w io.Writer, o Options) error { return s.draw(w, o, resolution) }

func (s *Series) draw(w io.Writer, o Options, dpi int) error {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	say := wordsOf(o.Language)
	letters := o.Title + o.Subtitle + o.Value + say.reading
	for _, l := range o.Lanes {
		letters += l.Name
	}
	fonts, face, missing := face(letters, o.Font)
	if fonts == nil {
		return missing
	}
	canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))
	p := &picture{
		Series: s, Options: o, say: say, Canvas: draw.New(canvas), fonts: text.Plain{Fonts: fonts}, face: face, from: s.first, to: s.last,
	}
	if p.to <= p.from {
		p.to = p.from + 1
	}
	p.draw()
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(w); err != nil {
		return fmt.Errorf("writing the picture: %w", err)
	}
	return missing
}

func (p *picture) draw() {
	const left, right, bottom, between = 80, 36, 50, 36
	full := p.Max
	under := vg.Length(214) // the top of the scores
	if len(p.Lanes) > 4 {
		under = 160 // lanes need the room more
	}
	top := 0.0
	for _, x := range p.points {
		top = greatest(top, x.score)
	}
	const highest, least = 4, 1.6 // of the axis
	scores := &panel{p, p.Series, vg.Rectangle{Min: vg.Point{X: left, Y: bottom}, Max: vg.Point{X: full.X - right, Y: under}}, 0, math.Max(least, math.Min(top*1.08, highest))}

	p.write(p.Title, 17, black, vg.Point{X: left, Y: full.Y - 28}, text.XLeft, text.YBottom)
	p.write(p.Subtitle, 13, black, vg.Point{X: left, Y: full.Y - 47}, text.XLeft, text.YBottom)
	p.legend(vg.Point{X: left, Y: full.Y - 70})
	lanes := p.lanes(vg.Rectangle{Min: vg.Point{X: left, Y: scores.box.Max.Y + between}, Max: vg.Point{X: full.X - right, Y: full.Y - 104}})
	for _, lane := range lanes {
		lane.shade()
		lane.grid(max(2, 7/len(lanes)))
		lane.times(false)
		lane.band()
		lane.lines()
		lane.frame()
		lane.beyond()
	}
	lanes[0].marks()
	p.names(lanes)
	scores.shade()
	scores.grid(4)
	scores.times(true)
	scores.score(top > highest)
	scores.frame()
	scores.name(p.say.score)
}

// lanes divides a room among the series, the first at the top.
func (p *picture) lanes(room vg.Rectangle) []*panel {
	all := p.Lanes[:min(len(p.Lanes), MostLanes)]
	if len(all) == 0 {
		all = []Lane{{p.Value, p.Series}}
	}
	const gap = 7
	each := (room.Max.Y - room.Min.Y + gap) / vg.Length(len(all))
	var panels []*panel
	for i, l := range all {
		low, high := l.Series.extent()
		top := room.Max.Y - vg.Length(i)*each
		panels = append(panels, &panel{p, l.Series, vg.Rectangle{
			Min: vg.Point{X: room.Min.X, Y: top - each + gap}, Max: vg.Point{X: room.Max.X, Y: top},
		}, low, high})
	}
	return panels
}

// names says what the lanes are: beside one, within each of several.
func (p *picture) names(lanes []*panel) {
	if len(lanes) == 1 {
		name := p.Value
		if len(p.Lanes) == 1 {
			name = p.Lanes[0].Name
		}
		if name == "" {
			name = p.say.reading
		}
		lanes[0].name(name)
		return
	}
	const size = 11
	for i, lane := range lanes {
		name := p.Lanes[i].Name
		at := vg.Point{X: lane.box.Min.X + 6, Y: lane.box.Max.Y - 10}
		ground := vg.Point{X: at.X - 3, Y: at.Y - 7}
		p.FillPolygon(ink(white, 210), []vg.Point{ground, {X: at.X + p.long(name, size) + 3, Y: ground.Y}, {X: at.X + p.long(name, size) + 3, Y: ground.Y + 14}, {X: ground.X, Y: ground.Y + 14}})
		p.write(name, size, black, at, text.XLeft, text.YCenter)
	}
}

// write draws a text. Its middle is that of its figures: fonts differ in what room they leave above them.
func (p *picture) write(what string, size vg.Length, rgb uint32, at vg.Point, x text.XAlignment, y text.YAlignment) {
	if y == text.YCenter {
		const figures = 0.7 // of the size
		at.Y -= figures * size / 2
		y = text.YBottom
	}
	p.FillText(draw.TextStyle{Color: ink(rgb, 255), Font: font.From(p.face, size), XAlign: x, YAlign: y, Handler: p.fonts}, at, what)
}

func (p *picture) long(what string, size vg.Length) vg.Length {
	w, _, _ := p.fonts.Box(what, font.From(p.face, size))
	return w
}

func (p *picture) line(rgb uint32, wide vg.Length, dashes ...vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: ink(rgb, 255), Width: wide, Dashes: dashes}
}

func (a *panel) x(at int64) vg.Length {
	share := float64(at-a.from) / float64(a.to-a.from)
	return a.box.Min.X + vg.Length(share)*(a.box.Max.X-a.box.Min.X)
}

// y is the height of a value, within the panel.
func (a *panel) y(v float64) vg.Length {
	share := math.Max(0, math.Min(1, (v/2-a.low/2)/(a.high/2-a.low/2))) // by halves, as there is no number for twice the largest one
	return a.box.Min.Y + vg.Length(share)*(a.box.Max.Y-a.box.Min.Y)
}

func (a *panel) fill(rgb uint32, alpha uint8, from, to vg.Length) {
	const least = 2 // points that can be seen
	if to-from < least {
		from, to = (from+to-least)/2, (from+to+least)/2
	}
	a.FillPolygon(ink(rgb, alpha), []vg.Point{{X: from, Y: a.box.Min.Y}, {X: to, Y: a.box.Min.Y}, {X: to, Y: a.box.Max.Y}, {X: from, Y: a.box.Max.Y}})
}

// shade shows what was learned from, and the windows that are labelled.
func (a *panel) shade() {
	if a.judged > a.first {
		a.fill(pale, 130, a.x(a.first), a.x(a.judged))
	}
	for _, w := range a.Windows {
		rgb := uint32(vermilion)
		if w.Found {
			rgb = green
		}
		a.fill(rgb, 60, a.x(w.Start), a.x(w.End))
	}
}
