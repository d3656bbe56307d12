package fleet

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestPackedSamplesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, count := range []int{0, 1, 2, 359, 360} {
		for range 50 {
			samples := make([]sample, count)
			for i := range samples {
				samples[i] = nothing
				for c := range columns {
					if rng.IntN(4) > 0 {
						samples[i][c] = int16(rng.IntN(1<<16) - 1<<15)
					}
				}
			}
			got, ok := unpack(pack(samples))
			if !ok || !slices.Equal(got, samples) {
				t.Fatalf("%d samples: %v became %v", count, samples, got)
			}
		}
	}
}

// An hour of a print takes little: a thousand printers keep a week.
func TestAnHourOfAPrintIsSmall(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	samples := make([]sample, perStretch)
	for i := range samples {
		samples[i] = sample{halves(219.7 + rng.Float64()), 440, halves(59.8 + rng.Float64()/2), 120, int16(60 + i/20), 0}
	}
	if n := len(pack(samples)); n > 1000 {
		t.Errorf("%d bytes", n)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(pack(nil))
	f.Add(pack([]sample{nothing, {440, 440, 120, 120, unknown, unknown}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		samples, ok := unpack(b)
		if !ok {
			return
		}
		again, ok := unpack(pack(samples))
		if !ok || !slices.Equal(again, samples) {
			t.Fatalf("%v became %v", samples, again)
		}
	})
}
