package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// Size of a picture in pixels.
const (
	Width  = 320
	Height = 180
)

const (
	quality = 70
	horizon = 96 // where the street begins
	band    = 16 // of words, at the bottom
)

// Scene is what is drawn. Equal scenes make equal pictures.
type Scene struct {
	Camera, Kind, Domain string
	// Time is that by the clocks of the city.
	Time time.Time
	Seed uint64
}

// Box is a part of the picture, in fractions of its width and height.
type Box struct{ X, Y, Width, Height float64 }

// Draw returns a JPEG, and where in it the thing is.
func Draw(s Scene) ([]byte, Box, error) {
	rng := rand.New(rand.NewPCG(s.Seed, uint64(len(s.Kind))))
	img := image.NewRGBA(image.Rect(0, 0, Width, Height))
	light := daylight(s.Time)
	street(img, rng, light)
	at := image.Rect(0, 0, 44+rng.IntN(40), 30+rng.IntN(24)).Add(image.Pt(20+rng.IntN(Width-130), horizon+2+rng.IntN(24)))
	thing(img, at, s.Domain, light)
	outline(img, at.Inset(-4), color.RGBA{R: 0xff, G: 0xb0, A: 0xff})
	words(img, fmt.Sprintf("SIMULATED  %s  %s  %s", s.Camera, s.Kind, s.Time.Format("01-02 15:04")))
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, Box{}, fmt.Errorf("draw what a camera sees: %w", err)
	}
	return out.Bytes(), Box{
		X: float64(at.Min.X) / Width, Y: float64(at.Min.Y) / Height, Width: float64(at.Dx()) / Width, Height: float64(at.Dy()) / Height,
	}, nil
}

// daylight is from 0.25 by night to 1 at noon.
func daylight(at time.Time) float64 {
	const darkest, hours = 0.25, 24
	h := float64(at.Hour()) + float64(at.Minute())/60
	return math.Max(darkest, math.Min(1, 0.6-0.6*math.Cos(2*math.Pi*h/hours)))
}

// street is sky, buildings, some of whose windows are lit, and a road.
func street(img *image.RGBA, rng *rand.Rand, light float64) {
	for y := range horizon {
		fill(img, image.Rect(0, y, Width, y+1), dimmed(color.RGBA{R: uint8(120 + y/2), G: uint8(150 + y/2), B: 0xdc, A: 0xff}, light))
	}
	fill(img, image.Rect(0, horizon, Width, Height), dimmed(color.RGBA{R: 0x6e, G: 0x70, B: 0x72, A: 0xff}, light))
	for x := 0; x < Width; {
		w, h := 24+rng.IntN(30), 24+rng.IntN(60)
		grey := uint8(0x60 + rng.IntN(0x50))
		house := image.Rect(x, horizon-h, x+w-2, horizon)
		fill(img, house, dimmed(color.RGBA{R: grey, G: grey, B: grey - 8, A: 0xff}, light))
		for wy := house.Min.Y + 5; wy < horizon-6; wy += 10 {
			for wx := house.Min.X + 4; wx < house.Max.X-5; wx += 9 {
				pane := dimmed(color.RGBA{R: 0x50, G: 0x60, B: 0x78, A: 0xff}, light)
				if light < 0.6 && rng.IntN(3) == 0 {
					pane = color.RGBA{R: 0xff, G: 0xe0, B: 0x90, A: 0xff}
				}
				fill(img, image.Rect(wx, wy, wx+4, wy+5), pane)
			}
		}
		x += w
	}
	for x := 10; x < Width; x += 60 {
		fill(img, image.Rect(x, 150, x+30, 153), dimmed(color.RGBA{R: 0xe8, G: 0xe8, B: 0xe0, A: 0xff}, light))
	}
}

// thing is a shape in a colour of its domain.
func thing(img *image.RGBA, at image.Rectangle, domain string, light float64) {
	c, round := paint(domain)
	c = dimmed(c, math.Max(light, 0.6))
	for y := at.Min.Y; y < at.Max.Y; y++ {
		for x := at.Min.X; x < at.Max.X; x++ {
			dx := (2*float64(x-at.Min.X)/float64(at.Dx()) - 1)
			dy := (2*float64(y-at.Min.Y)/float64(at.Dy()) - 1)
			if !round || dx*dx+dy*dy <= 1 {
				img.SetRGBA(x, y, c)
			}
		}
	}
}

func paint(domain string) (c color.RGBA, round bool) {
	switch domain {
	case "gas":
		return color.RGBA{R: 0xd8, G: 0xd8, B: 0xd8, A: 0xff}, true
	case "road", "bridge":
		return color.RGBA{R: 0x38, G: 0x30, B: 0x2c, A: 0xff}, true
	case "tunnel":
		return color.RGBA{R: 0x50, G: 0x50, B: 0x58, A: 0xff}, true
	case "drainage", "water":
		return color.RGBA{R: 0x40, G: 0x70, B: 0xa8, A: 0xff}, true
	case "landscape":
		return color.RGBA{R: 0x2c, G: 0x78, B: 0x38, A: 0xff}, true
	case "lighting":
		return color.RGBA{R: 0xf0, G: 0xd8, B: 0x60, A: 0xff}, false
	case "parking":
		return color.RGBA{R: 0xa0, G: 0x28, B: 0x28, A: 0xff}, false
	}
	return color.RGBA{R: 0x70, G: 0x48, B: 0x88, A: 0xff}, false
}

func dimmed(c color.RGBA, light float64) color.RGBA {
	return color.RGBA{R: uint8(float64(c.R) * light), G: uint8(float64(c.G) * light), B: uint8(float64(c.B) * light), A: c.A}
}

func fill(img *image.RGBA, r image.Rectangle, c color.RGBA) {
	draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
}

func outline(img *image.RGBA, r image.Rectangle, c color.RGBA) {
	const thick = 2
	for _, side := range []image.Rectangle{
		image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+thick), image.Rect(r.Min.X, r.Max.Y-thick, r.Max.X, r.Max.Y),
		image.Rect(r.Min.X, r.Min.Y, r.Min.X+thick, r.Max.Y), image.Rect(r.Max.X-thick, r.Min.Y, r.Max.X, r.Max.Y),
	} {
		fill(img, side, c)
	}
}

// words are cut where they do not fit.
func words(img *image.RGBA, text string) {
	fill(img, image.Rect(0, Height-band, Width, Height), color.RGBA{A: 0xff})
	d := font.Drawer{Dst: img, Src: image.White, Face: basicfont.Face7x13, Dot: fixed.P(4, Height-4)}
	for d.MeasureString(text).Ceil() > Width-8 && text != "" {
		text = text[:len(text)-1]
	}
	d.DrawString(text)
}
