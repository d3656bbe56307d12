package fleet

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/grovecloud/grove"
)

const (
	sampleEvery = 10 * time.Second
	perStretch  = 360 // samples: an hour
	// graphEvery is how often a stretch that is not full is stored: a crash loses no more.
	graphEvery = 5 * time.Minute
	// mostUnstored is how many full stretches wait for records that can't be written.
	mostUnstored = 24
	columns      = 6
)

// sample is the temperatures at a time in halves of a degree: nozzle, bed and chamber,
// each with its target.
type sample [columns]int16

// unknown stands where nothing was measured; no printer is that cold.
const unknown = math.MinInt16

var nothing = sample{unknown, unknown, unknown, unknown, unknown, unknown}

// graph is what a printer's temperatures were in the last hour at most, and what is
// not stored yet of before. It is filled by the clock, not by reports.
type graph struct {
	began   time.Time // a whole number of samples since 1970
	samples []sample
	stored  int // of samples
	saved   time.Time
	full    []grove.Stretch // not stored yet
}

// sampled notes the temperatures of a printer that is there, once for each ten seconds.
// The caller holds mu.
func (u *unit) sampled(now time.Time) {
	if u.link == nil || !u.complete || u.stale {
		return
	}
	at := now.UTC().Truncate(sampleEvery)
	g := &u.graph
	n := int(at.Sub(g.began) / sampleEvery)
	if len(g.samples) > 0 && n == len(g.samples)-1 {
		return
	}
	if len(g.samples) == 0 || n < 0 || n >= perStretch { // full, or the clock was put back
		u.turnPage()
		g.began, n = at, 0
	}
	if n < len(g.samples) {
		g.samples, g.stored = g.samples[:n], min(g.stored, n)
	}
	for len(g.samples) < n {
		g.samples = append(g.samples, nothing)
	}
	g.samples = append(g.samples, measured(u.shadow, u.model.ChamberSensor))
}

func measured(s grove.Shadow, chamber bool) sample {
	m := sample{
		halves(s.NozzleCelsius), halves(s.NozzleTargetCelsius), halves(s.BedCelsius), halves(s.BedTargetCelsius),
		halves(s.ChamberCelsius), halves(s.ChamberTargetCelsius),
	}
	if !chamber {
		m[4], m[5] = unknown, unknown
	}
	return m
}

// halves of a degree, as far as any machine goes.
func halves(celsius float64) int16 { return int16(math.Round(max(-300, min(2*celsius, 3000)))) }

// turnPage puts the samples to those that are full. The caller holds mu.
func (u *unit) turnPage() {
	g := &u.graph
	if len(g.samples) > g.stored {
		g.full = append(g.full, u.stretch())
		g.full = g.full[max(0, len(g.full)-mostUnstored):]
	}
	g.samples, g.stored = g.samples[:0], 0
}

// stretch is the samples as records keep them. The caller holds mu.
func (u *unit) stretch() grove.Stretch {
	return grove.Stretch{Serial: u.serial, OwnerID: u.owner.Load(), BeganAt: u.graph.began, Samples: pack(u.graph.samples)}
}

// unstored is what should be stored now, and what to call once it is, under mu. last:
// it does not wait for more. The caller holds mu.
func (u *unit) unstored(now time.Time, last bool) (due []grove.Stretch, done func()) {
	g := &u.graph
	due = append(due, g.full...)
	full, began, n := len(g.full), g.began, g.stored
	if len(g.samples) > g.stored && (last || now.Sub(g.saved) >= graphEvery) {
		due, n = append(due, u.stretch()), len(g.samples)
	}
	return due, func() {
		g.full = g.full[min(full, len(g.full)):]
		if g.began.Equal(began) && n > g.stored {
			g.stored, g.saved = n, now
		}
	}
}

// pack writes samples column by column, as runs: for how many of them, and by how much
// the value changes at each. Heat that is steady takes next to nothing.
func pack(samples []sample) []byte {
	b := binary.AppendUvarint(nil, uint64(len(samples)))
	for c := range columns {
		before := int64(0)
		for i := 0; i < len(samples); {
			step := int64(samples[i][c]) - before
			before += step
			run := 1
			for i+run < len(samples) && int64(samples[i+run][c])-before == step {
				before += step
				run++
			}
			b = binary.AppendVarint(binary.AppendUvarint(b, uint64(run)), step)
			i += run
		}
	}
	return b
}

// unpack reads what pack wrote; ok is false for anything else.
func unpack(b []byte) (samples []sample, ok bool) {
	count, n := binary.Uvarint(b)
	if n <= 0 || count > perStretch {
		return nil, false
	}
	b = b[n:]
	samples = make([]sample, count)
	for c := range columns {
		value := int64(0)
		for i := 0; i < len(samples); {
			run, n := binary.Uvarint(b)
			if n <= 0 || run == 0 || run > uint64(len(samples)-i) {
				return nil, false
			}
			step, k := binary.Varint(b[n:])
			if k <= 0 {
				return nil, false
			}
			b = b[n+k:]
			for range run {
				if value += step; value < math.MinInt16 || value > math.MaxInt16 {
					return nil, false
				}
				samples[i][c] = int16(value)
				i++
			}
		}
	}
	return samples, len(b) == 0
}
