package sim

import (
	"math"

	"github.com/grovecloud/grove/bambu"
)

// Rates in °C per second, plausible ones: no source gives any for bed and chamber.
const (
	bedRateLow      = 0.8 // below 60 °C
	bedRateHigh     = 0.4
	bedCooling      = 0.08
	chamberRate     = 0.0125 // without a heater, towards what the bed makes of it
	chamberHeating  = 0.05   // with one
	tail            = 10.0   // the last degrees are approached more and more slowly
	ambient         = 25.0
	noSensorCelsius = 5.0 // what P1 and A1 report as chamber temperature, always
)

// body is something that is heated. read is what its sensor says.
type body struct{ now, target, read float64 }

// heat is everything warm in the printer. nozzle has one body for each extruder:
// 0 right or only, 1 left.
type heat struct {
	nozzle  []body
	active  int // which extruder prints
	bed     body
	chamber body
}

func newHeat(model bambu.Model) heat {
	h := heat{nozzle: make([]body, max(1, model.Nozzles)), bed: at(ambient), chamber: at(ambient)}
	for i := range h.nozzle {
		h.nozzle[i] = at(ambient)
	}
	if !model.ChamberSensor {
		h.chamber = at(noSensorCelsius)
	}
	return h
}

func at(celsius float64) body { return body{now: celsius, read: celsius} }

// set gives the active nozzle and the bed their targets; a negative one stays.
func (h *heat) set(m *machine, nozzle, bed float64) {
	if nozzle >= 0 {
		h.nozzle[h.active].target = min(nozzle, float64(m.model.NozzleMax))
	}
	if bed >= 0 {
		h.bed.target = min(bed, float64(m.model.BedMax))
	}
}

// off lets everything cool down.
func (h *heat) off() {
	for i := range h.nozzle {
		h.nozzle[i].target = 0
	}
	h.bed.target, h.chamber.target = 0, 0
}

// settle makes everything as warm as it is meant to be, at once.
func (h *heat) settle(m *machine) {
	h.nozzle[h.active].now = h.nozzle[h.active].target
	h.bed.now = h.bed.target
	h.sense(m)
}

// pass lets d simulated seconds pass.
func (h *heat) pass(m *machine, d float64) {
	for i := range h.nozzle {
		n := &h.nozzle[i]
		n.now = approach(n.now, max(n.target, ambient), m.looks.nozzleRate, d)
	}
	up := bedRateLow
	if h.bed.now > 60 {
		up = bedRateHigh
	}
	if h.bed.now > h.bed.target {
		up = bedCooling
	}
	h.bed.now = approach(h.bed.now, max(h.bed.target, ambient), up, d)
	if !m.model.ChamberSensor {
		return
	}
	passive := ambient + 0.25*(h.bed.now-ambient)
	rate := chamberRate
	if h.chamber.target > passive {
		passive, rate = h.chamber.target, chamberHeating
	}
	h.chamber.now = approach(h.chamber.now, passive, rate, d)
}

// approach moves a temperature towards its goal at a steady rate, and by the
// tail's exponential once it is near. It is exact for any d.
func approach(now, goal, rate, d float64) float64 {
	away := goal - now
	if far := math.Abs(away) - tail; far > 0 {
		travel := min(far, rate*d)
		now += math.Copysign(travel, away)
		if d -= travel / rate; d <= 0 {
			return now
		}
		away = goal - now
	}
	return goal - away*math.Exp(-d*rate/tail)
}

// sense makes the sensors read, with their noise when something is warm. An idle
// printer's sensors are quiet, as its reports are.
func (h *heat) sense(m *machine) {
	for i := range h.nozzle {
		h.nozzle[i].sense(m)
	}
	h.bed.sense(m)
	if m.model.ChamberSensor {
		h.chamber.sense(m)
	}
}

func (b *body) sense(m *machine) {
	v := b.now
	if b.target > 0 || b.now > ambient+2 {
		v += (m.rng.Float64() - 0.5) * 0.6
	}
	b.read = math.Round(v*32) / 32 // sensors count in 1/32 °C
}

// warm reports whether the body has reached its target.
func (b *body) warm() bool { return b.now >= b.target-1 }

// packed is current and target in one number, as newer reports have it.
func (b *body) packed() int64 { return int64(b.target)<<16 | int64(math.Round(b.read)) }

// fans are in percent.
type fans struct{ part, aux, chamber int }

// gear is a fan's speed as reports show it, 0 to 15.
func gear(percent int) int { return (percent*15 + 50) / 100 }

// packed is fan_gear: chamber, auxiliary and part fan, 0 to 255 each.
func (f *fans) packed() int {
	return f.chamber*255/100<<16 | f.aux*255/100<<8 | f.part*255/100
}

// set turns a fan by its number: 1 part, 2 auxiliary, 3 chamber. It says whether
// this printer has that fan.
func (f *fans) set(model bambu.Model, index, percent int) bool {
	switch {
	case index == 1 && model.PartFan:
		f.part = percent
	case index == 2 && model.AuxFan:
		f.aux = percent
	case index == 3 && model.ChamberFan:
		f.chamber = percent
	default:
		return false
	}
	return true
}

// heatBreak is the gear of the fan that cannot be commanded.
func (m *machine) heatBreak() int {
	for _, n := range m.heat.nozzle {
		if n.now > 50 {
			return 15
		}
	}
	return 0
}
