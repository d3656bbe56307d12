package sim

import (
	"bytes"
	"fmt"
	"image"
	ink "image/color"
	"image/jpeg"
	"math"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	point "golang.org/x/image/math/fixed"
)

// The picture is drawn small and shown twice as large, so that its letters can be
// read.
const (
	pictureWidth  = 320
	pictureHeight = 180
	enlarged      = 2
	textLeft      = 8
)

var (
	inkBright = ink.RGBA{0xF0, 0xF0, 0xF0, 0xFF}
	inkFaint  = ink.RGBA{0x80, 0x88, 0x90, 0xFF}
	inkPart   = ink.RGBA{0x00, 0xAE, 0x42, 0xFF}
	inkWrong  = ink.RGBA{0xD0, 0x30, 0x30, 0xFF}
	lightOn   = ink.RGBA{0x38, 0x40, 0x48, 0xFF}
	lightOff  = ink.RGBA{0x10, 0x12, 0x14, 0xFF}
)

// view is what can be seen of a printer.
type view struct {
	serial, model, state, name string
	percent, layer, layers     int
	nozzle, nozzleTarget       float64
	bed, bedTarget             float64
	light, clear               bool
}

// Picture is a JPEG of the printer as a camera at its door would show it: what it
// is doing, how far it is, how hot.
func (p *Printer) Picture() ([]byte, error) {
	return p.view().jpeg()
}

// view looks at the printer; drawing takes longer than it may be held.
func (p *Printer) view() view {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.m.view()
}

func (m *machine) view() view {
	nozzle := m.heat.nozzle[m.heat.active]
	v := view{
		serial: m.cfg.Serial, model: m.model.Name, state: m.state, nozzle: nozzle.now, nozzleTarget: nozzle.target,
		bed: m.heat.bed.now, bedTarget: m.heat.bed.target,
		light: m.settings.lights["chamber_light"] == "on", clear: m.plate.clear,
	}
	if j := m.job; j != nil {
		v.name, v.percent, v.layer, v.layers = j.name, j.percent, j.layer, j.layers
	}
	return v
}

func (v view) jpeg() ([]byte, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, v.draw(), &jpeg.Options{Quality: 80}); err != nil {
		return nil, fmt.Errorf("write picture: %w", err)
	}
	return b.Bytes(), nil
}

func (v view) draw() *image.RGBA {
	small := image.NewRGBA(image.Rect(0, 0, pictureWidth, pictureHeight))
	background := lightOff
	if v.light {
		background = lightOn
	}
	fill(small, small.Bounds(), background)
	v.drawPlate(small)
	write(small, 18, inkBright, v.model+"  "+v.serial)
	write(small, 36, v.stateInk(), v.state)
	if v.name != "" {
		write(small, 54, inkFaint, v.name)
		write(small, 72, inkBright, fmt.Sprintf("%d %%  layer %d/%d", v.percent, v.layer, v.layers))
	}
	write(small, 166, inkBright, fmt.Sprintf("nozzle %.0f/%.0f C   bed %.0f/%.0f C", v.nozzle, v.nozzleTarget, v.bed, v.bedTarget))
	bar := image.Rect(8, 80, pictureWidth/2-8, 88)
	fill(small, bar, inkFaint)
	bar.Max.X = bar.Min.X + bar.Dx()*min(max(v.percent, 0), 100)/100
	fill(small, bar, inkPart)

	large := image.NewRGBA(image.Rect(0, 0, pictureWidth*enlarged, pictureHeight*enlarged))
	draw.NearestNeighbor.Scale(large, large.Bounds(), small, small.Bounds(), draw.Src, nil)
	return large
}

func (v view) stateInk() ink.RGBA {
	if v.state == stateFailed {
		return inkWrong
	}
	return inkPart
}

// drawPlate shows the plate, the part that grows on it, and the nozzle above.
func (v view) drawPlate(on *image.RGBA) {
	const left, right, bottom, tallest = 190, 300, 140, 70
	fill(on, image.Rect(left, bottom, right, bottom+6), inkFaint)
	height := 0
	if !v.clear {
		height = tallest * min(max(v.percent, 4), 100) / 100
	}
	fill(on, image.Rect(left+25, bottom-height, right-25, bottom), inkPart)
	tip := image.Pt((left+right)/2+int(20*math.Sin(float64(v.layer))), bottom-height-2)
	for row := range 10 {
		fill(on, image.Rect(tip.X-row/2-1, tip.Y-row-1, tip.X+row/2+1, tip.Y-row), inkBright)
	}
}

func fill(on *image.RGBA, r image.Rectangle, c ink.RGBA) {
	draw.Draw(on, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// write puts a line of text with its foot at y. The font has letters of ASCII only
// and shows others as boxes.
func write(on *image.RGBA, y int, c ink.RGBA, text string) {
	d := font.Drawer{Dst: on, Src: image.NewUniform(c), Face: basicfont.Face7x13, Dot: point.P(textLeft, y)}
	d.DrawString(text)
}
