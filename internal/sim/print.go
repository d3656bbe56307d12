package sim

import (
	"math"
	"strconv"
	"time"
)

// job is one print, from the command until the next one takes its place: what a
// finished print was stays in the reports.
type job struct {
	taskID, subtaskID, projectID, profileID string
	name                                    string // subtask_name
	file                                    string // as reported in gcode_file
	kind                                    string // print_type while active: cloud, local, system
	plate                                   int    // from 1
	useAMS                                  bool
	mapping                                 []int // filament of the file - 1 → flat tray
	skipped                                 []int
	startedAt                               time.Time
	order                                   order

	fetched  bool
	prepared float64 // simulated seconds of downloading and unpacking so far
	unpack   float64 // how many it takes

	plan       []stage
	step       int     // index in plan; past its end the printer prints
	staged     float64 // seconds spent in this stage
	pauseStage int     // stg_cur while paused

	marks    []mark
	at       int     // the mark that holds now
	elapsed  float64 // simulated seconds of printing
	estimate float64 // and how many there are
	layers   int
	grams    float64

	timelapse bool
	shots     []view // for the timelapse
	nextShot  int    // the layer of the next one

	percent, layer int
	remaining      int // minutes
	tool           int // filament in use
}

// mark is a moment of the print: what holds from then on.
type mark struct {
	at                   int // seconds since the first
	layer                int // 0 before the first
	nozzle, bed, chamber int // targets in °C
	tool                 int // filament of the file; -1 before the first
	stage                int // what the file claims to be doing, as stg_cur
	percent              int
}

// stage is one step of the preparations: it lasts some seconds, and until its
// body is warm. Codes are those of stg_cur.
type stage struct {
	code    int
	seconds float64
	until   func(*heat) bool
}

// Codes of stg_cur (BambuStudio, ha-bambulab).
const (
	stagePrinting      = 0
	stageLevel         = 1
	stageHeatBed       = 2
	stageVibration     = 3
	stageHeatNozzle    = 7
	stageExtrusion     = 8
	stageScanBed       = 9
	stageHome          = 13
	stageClean         = 14
	stagePaused        = 16
	stageUnload        = 22
	stageLoad          = 24
	stageMotorNoise    = 25
	stagePausedGood    = 30 // paused by the G-code
	stageRunout        = 6
	stageIdentifyPlate = 11
	stageLines         = 51
	stageClogged       = 35
	stageDoor          = 42
	stageOffset        = 39
)

// ownEstimate is how long a print takes that names no time, in seconds.
const ownEstimate = 3600

// localJob is a print that somebody began at the printer's own screen.
func localJob(now time.Time) *job {
	j := &job{
		taskID: "0", subtaskID: "0", projectID: "0", profileID: "0",
		name: "benchy", file: "benchy.gcode.3mf", kind: "local", plate: 1, useAMS: true,
		startedAt: now, fetched: true, unpack: 1, prepared: 1,
		estimate: ownEstimate, layers: 240, grams: 12,
	}
	for percent := range 101 {
		j.marks = append(j.marks, mark{
			at: percent * ownEstimate / 100, percent: percent, layer: 1 + percent*239/100, nozzle: 220, bed: 60,
		})
	}
	return j
}

// pass lets d simulated seconds of the job pass.
func (j *job) pass(m *machine, d float64) {
	switch m.state {
	case statePrepare:
		j.prepare(m, d)
	case stateRunning:
		for d > 0 && j.step < len(j.plan) {
			d = j.ready(m, d)
		}
		if d > 0 {
			j.print(m, d)
		}
	}
}

// prepare downloads and unpacks; without the file it stops just short of the end.
func (j *job) prepare(m *machine, d float64) {
	j.prepared += d
	if !j.fetched || j.prepared < j.unpack {
		return
	}
	m.state = stateRunning
	first := j.marks[0]
	m.heat.set(m, 0, float64(first.bed))
	m.settings.homed = false
	j.plan = j.preparations(m)
	j.arrive(m)
}

// preparePercent is gcode_file_prepare_percent.
func (j *job) preparePercent() int {
	switch {
	case j.unpack == 0:
		return 0
	case !j.fetched:
		return int(min(95, 100*j.prepared/j.unpack))
	}
	return int(min(100, 100*j.prepared/j.unpack))
}

// ready goes through the preparations and gives back the time that is left.
func (j *job) ready(m *machine, d float64) float64 {
	s := j.plan[j.step]
	used := min(d, s.seconds-j.staged)
	j.staged += used
	if j.staged < s.seconds {
		return 0
	}
	if s.until != nil && !s.until(&m.heat) {
		return 0 // still cold
	}
	j.step++
	j.staged = 0
	j.arrive(m)
	return d - used
}

// arrive enters the stage that comes next, or the print itself.
func (j *job) arrive(m *machine) {
	if j.step == len(j.plan) {
		m.stage = stagePrinting
		m.fans.aux = 0
		if j.kind != "system" {
			m.plate = plate{} // from now on something lies there
		}
		j.follow(m)
		return
	}
	m.stage = j.plan[j.step].code
	switch m.stage {
	case stageHeatNozzle:
		m.heat.set(m, float64(j.marks[0].nozzle), -1)
	case stageHeatBed:
		m.fans.set(m.model, 2, 60)
	case stageHome:
		m.settings.homed = true
	case stageLoad:
		m.feed(j.tray(j.tool))
	}
}

// print follows the file's own timeline.
func (j *job) print(m *machine, d float64) {
	d *= float64(speedPercent(m.settings.speedLevel)) / 100
	d = min(d, j.estimate-j.elapsed)
	j.elapsed += d
	if m.ams != nil && j.useAMS && j.estimate > 0 {
		m.ams.consume(j.tray(j.tool), j.grams*d/j.estimate)
	}
	j.follow(m)
	if j.elapsed >= j.estimate {
		j.complete()
		m.rest(stateFinish)
		m.film = j.film(m, m.now)
	}
}

// follow catches up with the marks passed since.
func (j *job) follow(m *machine) {
	for ; j.at < len(j.marks) && float64(j.marks[j.at].at) <= j.elapsed; j.at++ {
		j.apply(m, j.marks[j.at])
	}
	j.remaining = int(math.Ceil((j.estimate - j.elapsed) / 60))
	j.shoot(m)
}

// apply makes a mark's values hold. Targets are set only where the file sets
// them anew, so that what a person chose in between stays.
func (j *job) apply(m *machine, k mark) {
	var last mark
	if j.at > 0 {
		last = j.marks[j.at-1]
	}
	if k.layer > 0 {
		m.stage = k.stage // before the first layer it repeats what was prepared
	}
	j.percent = max(j.percent, k.percent)
	if j.layer < 2 && k.layer >= 2 {
		m.fans.part = 70 // no cooling on the first layer
	}
	j.layer = max(j.layer, k.layer)
	if k.nozzle != last.nozzle {
		m.heat.set(m, float64(k.nozzle), -1)
	}
	if k.bed != last.bed {
		m.heat.set(m, -1, float64(k.bed))
	}
	if k.chamber != last.chamber && m.model.HasChamberHeater() {
		m.heat.chamber.target = min(float64(k.chamber), float64(m.model.ChamberMax))
	}
	if k.tool >= 0 && k.tool != j.tool {
		j.tool = k.tool
		m.feed(j.tray(j.tool))
	}
}

// complete is the end of a whole print.
func (j *job) complete() {
	j.elapsed, j.at = j.estimate, len(j.marks)
	j.percent, j.layer, j.remaining = 100, j.layers, 0
	j.step = len(j.plan)
}

// tray is the flat tray that feeds a filament of the file: 254 the external
// spool, also where the mapping says that the AMS has none for it.
func (j *job) tray(filament int) int {
	switch {
	case !j.useAMS:
		return trayExternal
	case filament >= len(j.mapping):
		return filament
	case j.mapping[filament] < 0:
		return trayExternal
	}
	return j.mapping[filament]
}

// rest ends the print: heaters and fans off, and the state that stays.
func (m *machine) rest(state string) {
	m.state, m.stage = state, m.looks.idleStage
	m.heat.off()
	m.fans = fans{}
	if !m.plate.clear {
		m.plate.dirtySince = m.now
	}
}

// fail ends the print before its end. ticks is how long print_error stays; 0: until it is cleaned.
func (m *machine) fail(printError int64, ticks int) {
	m.job.percent, m.job.layer, m.job.remaining = 0, 0, 0
	m.printError, m.failReason, m.errorTicks = printError, printError, ticks
	m.rest(stateFailed)
}

// feed brings a tray's filament to the nozzle.
func (m *machine) feed(tray int) {
	if m.ams != nil {
		m.ams.load(tray)
	}
}

// speedPercent is spd_mag for spd_lvl (BambuStudio).
func speedPercent(level int) int {
	return [...]int{100, 50, 100, 124, 166}[level]
}

// jobText gives a job's text, or what printers say without one.
func (m *machine) jobText(text func(*job) string, otherwise string) string {
	j := m.subject()
	if j == nil {
		return otherwise
	}
	return text(j)
}

// jobNumber gives a job's number, or 0 without one.
func (m *machine) jobNumber(number func(*job) int) int64 {
	j := m.subject()
	if j == nil {
		return 0
	}
	return int64(number(j))
}

// decimal is an error code as the text fields of reports have it.
func decimal(code int64) string { return strconv.FormatInt(code, 10) }
