package sim

import (
	"bytes"
	"image"
	ink "image/color"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// annexB is units as a file has them.
func annexB(units ...[]byte) (file []byte) {
	for _, unit := range units {
		file = append(append(file, 0, 0, 0, 1), unit...)
	}
	return file
}

// decoded is what ffmpeg makes of units: brightness, then colors of each picture.
func decoded(t *testing.T, units ...[]byte) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.h264"), filepath.Join(dir, "out.yuv")
	must(t, os.WriteFile(in, annexB(units...), 0o600))
	succeeds(t, "ffmpeg", "-v", "warning", "-xerror", "-err_detect", "explode", "-f", "h264", "-i", in, "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", out)
	points, err := os.ReadFile(out)
	must(t, err)
	return points
}

// shown are the points of planes that are not cropped.
func shown(p *image.YCbCr) (points []byte) {
	const width, height = pictureWidth * enlarged, pictureHeight * enlarged
	cut := func(from []byte, stride, width, height int) {
		for y := range height {
			points = append(points, from[y*stride:][:width]...)
		}
	}
	cut(p.Y, p.YStride, width, height)
	cut(p.Cb, p.CStride, width/2, height/2)
	cut(p.Cr, p.CStride, width/2, height/2)
	return points
}

// samePoints says where two series of pictures differ.
func samePoints(t *testing.T, got, want []byte) {
	t.Helper()
	const size = pictureWidth * enlarged * pictureHeight * enlarged * 3 / 2
	if len(got) != len(want) {
		t.Fatalf("%d pictures, want %d", len(got)/size, len(want)/size)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("picture %d has %d at %d, want %d", i/size, got[i], i%size, want[i])
		}
	}
}

func TestFFmpegDecodesEveryPointAsItWasDrawn(t *testing.T) {
	t.Parallel()
	begin := view{serial: "00M00A000000001", model: "X1 Carbon", state: "RUNNING", name: "cube", percent: 30, layer: 3, layers: 10, nozzle: 219.6, nozzleTarget: 220, bed: 55, bedTarget: 55, light: true}
	later, dark := begin, begin
	later.percent, later.layer = 40, 4
	dark.light, dark.state = false, stateFailed
	views := []view{begin, begin, later, dark}
	for range 2 * h264Numbers {
		views = append(views, dark)
	}
	views = append(views, begin, later)
	sequence, picture := parameters()
	units := [][]byte{sequence, picture}
	var want []byte
	var c coder
	for i, v := range views {
		unit, alone := c.next(v)
		if again := i > 0 && v == views[i-1]; alone == again || again && len(unit) > 20 {
			t.Errorf("picture %d takes %d bytes, alone: %v", i, len(unit), alone)
		}
		if most := 120 << 10; len(unit) > most {
			t.Errorf("picture %d takes %d bytes, more than %d", i, len(unit), most)
		}
		units = append(units, unit)
		want = append(want, shown(planes(v.draw()))...)
	}
	samePoints(t, decoded(t, units...), want)
}

// patches is a picture of random patches, from single points to ones larger than a
// macroblock, so that neighbors of all kinds meet.
func patches(r *rand.Rand) *image.RGBA {
	on := image.NewRGBA(image.Rect(0, 0, pictureWidth*enlarged, pictureHeight*enlarged))
	for range 400 {
		size := 1 << r.IntN(7)
		grid := min(size, 8)
		x, y := r.IntN(on.Rect.Max.X/grid)*grid, r.IntN(on.Rect.Max.Y/grid)*grid
		shade := ink.RGBA{byte(r.IntN(3) * 127), byte(r.IntN(3) * 127), byte(r.IntN(3) * 127), 255}
		fill(on, image.Rect(x, y, x+size*(1+r.IntN(4)), y+size*(1+r.IntN(4))), shade)
	}
	return on
}

func TestFFmpegDecodesAnyPictureAsItWas(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	sequence, picture := parameters()
	units := [][]byte{sequence, picture}
	var want []byte
	for i := range 12 {
		p := planes(patches(r))
		if i == 0 { // bytes that look like beginnings of units, wherever they may stand
			for _, plane := range [][]byte{p.Y, p.Cb, p.Cr} {
				for at := range plane {
					plane[at] = byte(r.IntN(4))
				}
			}
		}
		units = append(units, standing(p, uint32(i%2)))
		want = append(want, shown(p)...)
	}
	samePoints(t, decoded(t, units...), want)
}

func TestNoPartOfAUnitLooksLikeABeginning(t *testing.T) {
	t.Parallel()
	var b bitString
	b.bytes = []byte{0, 0, 0, 0, 0, 1, 7, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0}
	if got, want := b.unit(9), []byte{9, 0, 0, 3, 0, 0, 3, 0, 1, 7, 0, 0, 3, 2, 0, 0, 3, 3, 0, 0, 4, 0, 0, 128}; !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
}

func BenchmarkPicture(b *testing.B) {
	v := view{model: "X1 Carbon", state: "RUNNING", layers: 10, light: true}
	for name, step := range map[string]int{"changed": 1, "same": 0} {
		b.Run(name, func(b *testing.B) {
			var c coder
			size := 0
			for b.Loop() {
				v.layer += step
				unit, _ := c.next(v)
				size += len(unit)
			}
			b.ReportMetric(float64(size)/float64(b.N), "B/picture")
		})
	}
}
