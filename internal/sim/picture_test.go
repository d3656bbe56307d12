package sim

import (
	"bytes"
	"image"
	ink "image/color"
	"image/jpeg"
	"testing"
)

// seen is a picture of a new printer after a change.
func seen(t *testing.T, begin Begin, change func(*machine)) image.Image {
	t.Helper()
	p, err := New(Config{Serial: "01P00A000000001", Model: "P1S", Broker: "127.0.0.1:1", Seed: 1, Begin: begin})
	if err != nil {
		t.Fatal(err)
	}
	change(p.m)
	raw, err := p.Picture()
	if err != nil {
		t.Fatal(err)
	}
	picture, err := jpeg.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

// greens counts the points that have the color of the part and the bar.
func greens(picture image.Image) (n int) {
	b := picture.Bounds()
	for x := b.Min.X; x < b.Max.X; x++ {
		for y := b.Min.Y; y < b.Max.Y; y++ {
			c, ok := ink.RGBAModel.Convert(picture.At(x, y)).(ink.RGBA)
			if ok && c.G > 140 && c.R < 80 {
				n++
			}
		}
	}
	return n
}

func TestThePictureShowsHowFarThePrinterIs(t *testing.T) {
	t.Parallel()
	idle := seen(t, BeginIdle, func(*machine) {})
	early := seen(t, BeginPrinting, func(m *machine) { m.job.percent = 10 })
	late := seen(t, BeginPrinting, func(m *machine) { m.job.percent = 90 })
	if b := idle.Bounds(); b.Dx() != 640 || b.Dy() != 360 {
		t.Errorf("the picture measures %v", b)
	}
	if a, b, c := greens(idle), greens(early), greens(late); a >= b || b >= c {
		t.Errorf("%d points of the part when idle, %d at 10 %%, %d at 90 %%", a, b, c)
	}
}

func TestThePictureIsDarkWithoutLight(t *testing.T) {
	t.Parallel()
	bright := seen(t, BeginIdle, func(*machine) {})
	dark := seen(t, BeginIdle, func(m *machine) { m.settings.lights["chamber_light"] = "off" })
	a, _, _, _ := bright.At(600, 20).RGBA()
	b, _, _, _ := dark.At(600, 20).RGBA()
	if a <= b {
		t.Errorf("the light changes nothing: %d, %d", a, b)
	}
}
