package queue

import (
	"math"
	"testing"

	"github.com/grovecloud/grove"
)

// TestColoursAreAsFarApartAsThePaperSays holds the formula against pairs of the
// supplementary data of Sharma, Wu and Dalal.
func TestColoursAreAsFarApartAsThePaperSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p, q lab
		want float64
	}{
		{lab{50, 2.6772, -79.7751}, lab{50, 0, -82.7485}, 2.0425},
		{lab{50, 3.1571, -77.2803}, lab{50, 0, -82.7485}, 2.8615},
		{lab{50, 0, 0}, lab{50, -1, 2}, 2.3669},
		{lab{50, 2.49, -0.001}, lab{50, -2.49, 0.0009}, 7.1792},
		{lab{50, 2.49, -0.001}, lab{50, -2.49, 0.0011}, 7.2195},
		{lab{50, 2.5, 0}, lab{73, 25, -18}, 27.1492},
		{lab{50, 2.5, 0}, lab{61, -5, 29}, 22.8977},
		{lab{50, 2.5, 0}, lab{56, -27, -3}, 31.9030},
		{lab{50, 2.5, 0}, lab{58, 24, 15}, 19.4535},
		{lab{2.0776, 0.0795, -1.135}, lab{0.9033, -0.0636, -0.5514}, 0.9082},
	} {
		if got := deltaE(c.p, c.q); math.Abs(got-c.want) > 0.0001 {
			t.Errorf("%v to %v: %.4f, want %.4f", c.p, c.q, got, c.want)
		}
		if there, back := deltaE(c.p, c.q), deltaE(c.q, c.p); math.Abs(there-back) > 1e-9 {
			t.Errorf("%v: %v there and %v back", c.p, there, back)
		}
	}
}

func TestAColourDifferenceHasAWord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want grove.ColorMatch
	}{
		{"FF0000FF", "ff0000", grove.ColorSame},
		{"FF0000FF", "FE0100FF", grove.ColorSame},
		{"FF0000FF", "E00000FF", grove.ColorClose},
		{"FF0000FF", "00FF00FF", grove.ColorDifferent},
		{"000000FF", "FFFFFFFF", grove.ColorDifferent},
		{"FF0000FF", "", grove.ColorUnknown},
		{"zz0000FF", "FF0000FF", grove.ColorUnknown},
	} {
		if got := matchOf(distance(c.a, c.b)); got != c.want {
			t.Errorf("%s and %s: %s (%.1f), want %s", c.a, c.b, got, distance(c.a, c.b), c.want)
		}
	}
}
