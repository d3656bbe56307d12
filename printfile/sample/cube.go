package sample

import (
	"bytes"
	"fmt"
	"math"

	"github.com/grovecloud/grove"
)

// Sizes in mm, speeds in mm/min, times in seconds.
const (
	cubeSide    = 20.0
	layerHeight = 0.2
	lineWidth   = 0.42
	filamentMM  = 1.75
	solidLayers = 3
	sparseGap   = 2.8 // between the lines inside: 15 % full
	firstSpeed  = 1800.0
	wallSpeed   = 3000.0
	fillSpeed   = 6000.0
	travelSpeed = 18000.0
	retraction  = 0.8
	overhead    = 1.15 // of acceleration
)

// Phases before the first layer, as printers show them (stg_cur), and how long
// they take; together about what Bambu Studio plans for (260 s).
const (
	heatSeconds, homeSeconds, levelSeconds  = 60, 25, 90
	loadSeconds, cleanSeconds, primeSeconds = 30, 40, 15
	stageHeat, stageHome, stageLevel        = 2, 13, 1
	stageLoad, stageClean, stagePrint       = 4, 14, 0
	probeCelsius, safeZ                     = 150, 10.0
)

// slice is a plate as the slicer leaves it.
type slice struct {
	gcode     []byte
	seconds   int
	filaments []grove.Filament
	grams     float64
}

// pass is a piece of G-code that takes a time.
type pass struct {
	code    string
	seconds float64
}

// cutter turns the cube into passes.
type cutter struct {
	design   design
	machine  machine
	passes   []pass
	b        bytes.Buffer
	elapsed  float64 // of the pass in the making
	x, y     float64
	extruded []float64 // mm of each filament
	tool     int
	pulled   bool // the filament is retracted
}

// slice makes the G-code of one plate, of at least size bytes.
func (d *design) slice(size int) slice {
	c := &cutter{design: *d, machine: machineOf(d.model), extruded: make([]float64, len(d.filaments))}
	c.begin()
	for layer := range d.layers {
		c.layer(layer)
	}
	c.end()
	s := slice{filaments: c.used()}
	for _, f := range s.filaments {
		s.grams += f.Grams
	}
	total := 0.0
	for _, p := range c.passes {
		total += p.seconds
	}
	s.seconds = d.seconds
	if s.seconds == 0 {
		s.seconds = int(math.Ceil(total))
	}
	s.gcode = c.write(s, total, size)
	return s
}

// used are the filaments with their amounts.
func (c *cutter) used() []grove.Filament {
	const gramsPerCubicMM = 0.00124
	used := make([]grove.Filament, len(c.design.filaments))
	for i, f := range c.design.filaments {
		f.Meters = c.extruded[i] / 1000
		f.Grams = c.extruded[i] * filamentArea() * gramsPerCubicMM
		used[i] = f
	}
	return used
}

func filamentArea() float64 { return math.Pi * filamentMM * filamentMM / 4 }

func (c *cutter) linef(format string, args ...any) {
	fmt.Fprintf(&c.b, format+"\n", args...)
}

// done ends a pass; extra is the time that no move accounts for.
func (c *cutter) done(extra float64) {
	c.passes = append(c.passes, pass{code: c.b.String(), seconds: c.elapsed*overhead + extra})
	c.b.Reset()
	c.elapsed = 0
}

// begin heats, homes, levels, loads and primes.
func (c *cutter) begin() {
	nozzle, bed := celsius(c.design.filaments[0].Type)
	c.linef("M1002 gcode_claim_action : %d", stageHeat)
	c.linef("M104 S%d\nM140 S%d\nM190 S%d", probeCelsius, bed, bed)
	c.done(heatSeconds)
	c.linef("M1002 gcode_claim_action : %d", stageHome)
	c.linef("G28\nG90\nM83")
	c.done(homeSeconds)
	c.linef("M1002 gcode_claim_action : %d", stageLevel)
	c.linef("G29")
	c.done(levelSeconds)
	c.linef("M1002 gcode_claim_action : %d", stageLoad)
	c.linef("M109 S%d\nM620 S0A\nT0\nM621 S0A", nozzle)
	c.done(loadSeconds)
	c.linef("M1002 gcode_claim_action : %d", stageClean)
	c.linef("G1 Z%.2f F1200\nG92 E0", safeZ)
	c.done(cleanSeconds)
	c.prime()
	c.linef("M1002 gcode_claim_action : %d", stagePrint)
	c.done(primeSeconds)
}

// prime draws a line along the front edge of the bed.
func (c *cutter) prime() {
	c.linef("; prime line")
	c.travel(c.machine.centerX-40, 8)
	c.linef("G1 Z%.2f F1200", layerHeight)
	c.draw(c.machine.centerX+40, 8, firstSpeed)
	c.retract()
}

// layer makes walls, then the inside.
func (c *cutter) layer(n int) {
	z := layerHeight * float64(n+1)
	c.linef("; CHANGE_LAYER\n; Z_HEIGHT: %.2f\n; LAYER_HEIGHT: %.2f", z, layerHeight)
	c.linef("M73 L%d", n+1)
	c.linef("G1 Z%.2f F1200", z)
	c.change(n * len(c.design.filaments) / c.design.layers)
	if n == 1 {
		c.linef("M106 S255")
	}
	speed := wallSpeed
	if n == 0 {
		speed = firstSpeed
	}
	c.square("Inner wall", 1.5*lineWidth, speed)
	c.square("Outer wall", lineWidth/2, speed)
	c.done(0)
	c.fill(n)
	c.retract()
	c.done(0)
}

// change takes another filament.
func (c *cutter) change(tool int) {
	if tool == c.tool {
		return
	}
	c.tool = tool
	nozzle, _ := celsius(c.design.filaments[tool].Type)
	c.linef("M620 S%dA\nT%d\nM621 S%dA\nM109 S%d", tool, tool, tool, nozzle)
	c.done(2 * loadSeconds)
}

// square draws one wall, inset from the cube's side.
func (c *cutter) square(feature string, inset, speed float64) {
	left, right := c.machine.centerX-cubeSide/2+inset, c.machine.centerX+cubeSide/2-inset
	front, back := c.machine.centerY-cubeSide/2+inset, c.machine.centerY+cubeSide/2-inset
	c.linef("; FEATURE: %s\n; LINE_WIDTH: %.2f", feature, lineWidth)
	c.travel(left, front)
	c.draw(right, front, speed)
	c.draw(right, back, speed)
	c.draw(left, back, speed)
	c.draw(left, front, speed)
}

// fill draws lines to and fro, across on one layer and along on the next.
func (c *cutter) fill(n int) {
	const inset = 2*lineWidth + 0.1
	feature, gap := "Sparse infill", sparseGap
	if n < solidLayers || n >= c.design.layers-solidLayers {
		feature, gap = "Internal solid infill", lineWidth
	}
	speed := fillSpeed
	if n == 0 {
		feature, speed = "Bottom surface", firstSpeed
	}
	c.linef("; FEATURE: %s", feature)
	span := cubeSide - 2*inset
	lines := int(span / gap)
	for i := range lines + 1 {
		across := inset + float64(i)*gap - cubeSide/2
		from, to := inset-cubeSide/2, cubeSide/2-inset
		if i%2 == 1 {
			from, to = to, from
		}
		if n%2 == 0 {
			c.travel(c.machine.centerX+from, c.machine.centerY+across)
			c.draw(c.machine.centerX+to, c.machine.centerY+across, speed)
		} else {
			c.travel(c.machine.centerX+across, c.machine.centerY+from)
			c.draw(c.machine.centerX+across, c.machine.centerY+to, speed)
		}
	}
}

func (c *cutter) travel(x, y float64) {
	c.elapsed += c.moveTo(x, y) / travelSpeed * 60
	c.linef("G1 X%.3f Y%.3f F%.0f", x, y, travelSpeed)
}

// draw extrudes along a straight line.
func (c *cutter) draw(x, y, speed float64) {
	c.push()
	distance := c.moveTo(x, y)
	e := distance * lineWidth * layerHeight / filamentArea()
	c.extruded[c.tool] += e
	c.elapsed += distance / speed * 60
	c.linef("G1 X%.3f Y%.3f E%.5f F%.0f", x, y, e, speed)
}

// retract pulls the filament back, so that nothing oozes on the way.
func (c *cutter) retract() {
	c.linef("G1 E-%.1f F1800", retraction)
	c.elapsed += retraction / 1800 * 60
	c.pulled = true
}

// push undoes retract.
func (c *cutter) push() {
	if !c.pulled {
		return
	}
	c.linef("G1 E%.1f F1800", retraction)
	c.elapsed += retraction / 1800 * 60
	c.pulled = false
}

func (c *cutter) moveTo(x, y float64) (distance float64) {
	distance = math.Hypot(x-c.x, y-c.y)
	c.x, c.y = x, y
	return distance
}

// end cools down and moves out of the way.
func (c *cutter) end() {
	top := layerHeight*float64(c.design.layers) + safeZ
	c.linef("M104 S0\nM140 S0\nM106 S0")
	c.linef("G1 Z%.2f F900", min(top, c.machine.height))
	c.travel(c.machine.centerX, 2*c.machine.centerY-10)
	c.linef("M84")
	c.done(primeSeconds)
}

// celsius are the targets for a filament type.
func celsius(kind string) (nozzle, bed int) {
	switch kind {
	case "PETG":
		return 255, 70
	case "ABS", "ASA":
		return 260, 90
	case "TPU":
		return 230, 35
	}
	return 220, 55
}
