package queue

import (
	"math"
	"strconv"

	"github.com/grovecloud/grove"
)

// lab is a colour in CIELAB.
type lab struct{ l, a, b float64 }

// labOf reads a colour RRGGBB…, as sRGB under D65.
func labOf(color string) (lab, bool) {
	if len(color) < 6 {
		return lab{}, false
	}
	n, err := strconv.ParseUint(color[:6], 16, 32)
	if err != nil {
		return lab{}, false
	}
	linear := func(shift uint) float64 {
		v := float64(n>>shift&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	r, g, b := linear(16), linear(8), linear(0)
	curve := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	x := curve((0.4124564*r + 0.3575761*g + 0.1804375*b) / 0.95047)
	y := curve(0.2126729*r + 0.7151522*g + 0.0721750*b)
	z := curve((0.0193339*r + 0.1191920*g + 0.9503041*b) / 1.08883)
	return lab{116*y - 16, 500 * (x - y), 200 * (y - z)}, true
}

// deltaE is the distance of two colours by CIEDE2000, in the words of Sharma, Wu and
// Dalal, "The CIEDE2000 Color-Difference Formula" (2005): about 1 is just seen.
func deltaE(p, q lab) float64 {
	const far = 6103515625.0 // 25⁷
	chroma := math.Pow((math.Hypot(p.a, p.b)+math.Hypot(q.a, q.b))/2, 7)
	stretch := 1.5 - 0.5*math.Sqrt(chroma/(chroma+far))
	c1, c2 := math.Hypot(stretch*p.a, p.b), math.Hypot(stretch*q.a, q.b)
	h1, h2 := hue(stretch*p.a, p.b), hue(stretch*q.a, q.b)
	turn, middle := h2-h1, h1+h2
	switch {
	case c1*c2 == 0:
		turn = 0
	case math.Abs(h1-h2) <= 180:
		middle /= 2
	case middle < 360:
		middle = (middle + 360) / 2
	default:
		middle = (middle - 360) / 2
	}
	turn = math.Remainder(turn, 360)
	dL, dC, dH := q.l-p.l, c2-c1, 2*math.Sqrt(c1*c2)*math.Sin(radians(turn/2))
	mL, mC := (p.l+q.l)/2-50, (c1+c2)/2
	t := 1 - 0.17*math.Cos(radians(middle-30)) + 0.24*math.Cos(radians(2*middle)) +
		0.32*math.Cos(radians(3*middle+6)) - 0.20*math.Cos(radians(4*middle-63))
	sL := 1 + 0.015*mL*mL/math.Sqrt(20+mL*mL)
	sC, sH := 1+0.045*mC, 1+0.015*mC*t
	seventh := math.Pow(mC, 7)
	blue := (middle - 275) / 25
	bend := -math.Sin(radians(60*math.Exp(-blue*blue))) * 2 * math.Sqrt(seventh/(seventh+far))
	l, c, h := dL/sL, dC/sC, dH/sH
	return math.Sqrt(l*l + c*c + h*h + bend*c*h)
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }

// hue is an angle in degrees, 0 to 360.
func hue(a, b float64) float64 {
	h := math.Atan2(b, a) * 180 / math.Pi
	if h < 0 {
		h += 360
	}
	return h
}

// farthest is further than any two colours are: that of one that can't be read.
const farthest = 1000

// distance of two colours RRGGBB….
func distance(a, b string) float64 {
	x, okX := labOf(a)
	y, okY := labOf(b)
	if !okX || !okY {
		return farthest
	}
	return deltaE(x, y)
}

// matchOf says in a word how near a distance is.
func matchOf(distance float64) grove.ColorMatch {
	switch {
	case distance <= 2:
		return grove.ColorSame
	case distance <= 10:
		return grove.ColorClose
	case distance < farthest:
		return grove.ColorDifferent
	}
	return grove.ColorUnknown
}
