package sample

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"strconv"

	"golang.org/x/image/vector"
)

// picture is a member of each plate; pattern takes the plate's number.
type picture struct {
	pattern  string
	side     int // pixels
	polygons []polygon
	content  []byte
}

func (p picture) member(plate int) string { return fmt.Sprintf("Metadata/"+p.pattern, plate) }

// polygon is a filled outline; corners in parts of the picture's side, 0 to 1.
type polygon struct {
	corners [][2]float64
	fill    color.Color
}

// pictures draws the cube in its first filament's colour.
func (d *design) pictures() []picture {
	const large, middle, small = 512, 256, 128
	base := parseColor(d.filaments[0].Color)
	cube := isometric(base, 1)
	top := []polygon{{square(0.3), base}}
	// In the pick picture an object's colour is its id, lowest byte first.
	pick := []polygon{{square(0.3), color.RGBA{R: objectID, A: 255}}}
	all := []picture{
		{pattern: "plate_%d.png", side: large, polygons: cube},
		{pattern: "plate_%d_small.png", side: small, polygons: cube},
		{pattern: "plate_no_light_%d.png", side: middle, polygons: isometric(base, 0.7)},
		{pattern: "top_%d.png", side: middle, polygons: top},
		{pattern: "pick_%d.png", side: middle, polygons: pick},
	}
	for i := range all {
		if _, replaced := d.members[all[i].member(1)]; !replaced || d.plates > 1 {
			all[i].content = paint(all[i].side, all[i].polygons)
		}
	}
	return all
}

// isometric is the cube seen from above a corner: three faces, each its own shade.
func isometric(base color.RGBA, light float64) []polygon {
	const r = 0.34
	corner := func(degrees float64) [2]float64 {
		sin, cos := math.Sincos(degrees * math.Pi / 180)
		return [2]float64{0.5 + r*cos, 0.5 + r*sin}
	}
	middle := [2]float64{0.5, 0.5}
	return []polygon{
		{[][2]float64{middle, corner(210), corner(270), corner(330)}, shade(base, light)},
		{[][2]float64{middle, corner(330), corner(30), corner(90)}, shade(base, 0.6*light)},
		{[][2]float64{middle, corner(90), corner(150), corner(210)}, shade(base, 0.8*light)},
	}
}

func square(inset float64) [][2]float64 {
	return [][2]float64{{inset, inset}, {1 - inset, inset}, {1 - inset, 1 - inset}, {inset, 1 - inset}}
}

func shade(c color.RGBA, light float64) color.RGBA {
	dim := func(v uint8) uint8 { return uint8(float64(v) * light) }
	return color.RGBA{dim(c.R), dim(c.G), dim(c.B), c.A}
}

// paint draws polygons on a transparent square and packs it as PNG.
func paint(side int, polygons []polygon) []byte {
	canvas := image.NewRGBA(image.Rect(0, 0, side, side))
	for _, p := range polygons {
		r := vector.NewRasterizer(side, side)
		r.DrawOp = draw.Over
		for i, c := range p.corners {
			x, y := float32(c[0]*float64(side)), float32(c[1]*float64(side))
			if i == 0 {
				r.MoveTo(x, y)
			} else {
				r.LineTo(x, y)
			}
		}
		r.ClosePath()
		r.Draw(canvas, canvas.Bounds(), image.NewUniform(p.fill), image.Point{})
	}
	var b bytes.Buffer
	must(png.Encode(&b, canvas))
	return b.Bytes()
}

// parseColor reads RRGGBBAA; anything else is grey.
func parseColor(s string) color.RGBA {
	v, err := strconv.ParseUint(s, 16, 32)
	if err != nil || len(s) != 8 {
		return color.RGBA{128, 128, 128, 255}
	}
	return color.RGBA{uint8(v >> 24), uint8(v >> 16), uint8(v >> 8), 255} //nolint:gosec // one byte of the colour each
}
