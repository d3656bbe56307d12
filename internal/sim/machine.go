package sim

import (
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove/bambu"
)

// The values of gcode_state that a simulated printer takes (mqtt-over-LAN captures of ha-bambulab).
const (
	stateIdle    = "IDLE"
	statePrepare = "PREPARE"
	stateRunning = "RUNNING"
	statePause   = "PAUSE"
	stateFinish  = "FINISH"
	stateFailed  = "FAILED"
)

// Values of print_error, written 0300-400C and so on (BambuStudio, ha-bambulab).
const (
	errorCancelled = 0x0300400C // cancelled by the user
	errorUnread    = 0x05004003 // the file cannot be parsed
	errorBusy      = 0x05004004 // cannot start a task now
	errorNoFile    = 0x05008013 // print file not available
	errorStorage   = 0x0500C010 // the storage cannot be read or written
)

// finestStep is how many steps one tick is cut into at most, so that a fast
// printer costs no more than a slow one.
const finestStep = 60

// machine is the printer without its network: what it hears goes in, what it
// says comes out. It is not safe for concurrent use, and it waits for nothing.
type machine struct {
	cfg   Config
	model bambu.Model
	looks looks
	rng   *rand.Rand

	stands *LAN // where it says that it stands; nil: on no network

	now    time.Time // by its own clock
	ticks  int64
	faults Faults

	state      string
	said       string // the state in the last report; no state passes unreported
	stage      int    // stg_cur
	job        *job
	late       []lateStart
	plate      plate
	printError int64
	failReason int64
	errorTicks int // ticks until printError goes away by itself; 0: it stays

	before     *job      // the print that a stale report is about
	staleUntil time.Time // so long it is
	unverified bool      // a command without a signature was refused

	heat     heat
	fans     fans
	ams      *ams // nil: none fitted
	external tray
	settings settings
	wifi     wifi

	asked  bool // somebody on this connection wants reports
	report *report

	out   [][]byte
	order *order
	film  *film

	arrived *file // fetched, not looked at yet
	fault   error // ends Run
}

// plate is the physical plate. dirtySince is when the last print on it ended.
type plate struct {
	clear      bool
	dirtySince time.Time
}

// settings are what a person chose and the printer repeats.
type settings struct {
	lights         map[string]string
	record         string // enable, disable
	timelapse      string
	resolution     string
	speedLevel     int // 1 silent to 4 ludicrous
	nozzleDiameter string
	nozzleType     string
	homed          bool
	airduct        int // modeCur
	homeFlag       uint32
	doorCheck      int
	unwatched      map[string]bool // camera watches of xcam that are off
	sensitivity    string
}

func newMachine(cfg Config, model bambu.Model) *machine {
	m := &machine{
		cfg: cfg, model: model, looks: looksOf(model), stands: cfg.stands(), now: cfg.clock(0), faults: cfg.Faults,
		rng:   rand.New(rand.NewPCG(uint64(cfg.Seed), 1)), //nolint:gosec // a test must be able to repeat it
		state: stateIdle, said: stateIdle,
		plate: plate{clear: true},
		heat:  newHeat(model),
		settings: settings{
			lights: map[string]string{}, record: "enable", timelapse: "disable", resolution: "1080p",
			speedLevel: 2, nozzleDiameter: "0.4", nozzleType: "stainless_steel", homeFlag: homeFlagBase,
			unwatched: map[string]bool{}, sensitivity: "medium",
		},
		wifi: wifi{dBm: -53},
	}
	m.stage = m.looks.bootStage
	for _, node := range m.looks.lights {
		m.settings.lights[node] = "off"
	}
	m.settings.lights["chamber_light"] = "on"
	m.external = emptyTray("254")
	if !cfg.NoAMS && model.AMS != "" {
		m.ams = newAMS(model, cfg.TwoAMS, m.rng)
	}
	m.begin(m.now)
	m.report = newReport(m)
	return m
}

// begin puts the printer into what it was doing before anybody looked.
func (m *machine) begin(now time.Time) {
	switch m.cfg.Begin {
	case BeginPrinting:
		m.job = localJob(now)
		m.job.elapsed = m.job.estimate * (0.1 + 0.5*m.rng.Float64())
		m.plate.clear = false
		m.heat.set(m, 220, 60)
		m.heat.settle(m)
		m.settings.homed = true
		if m.ams != nil {
			m.ams.now, m.ams.tar = m.job.tray(0), m.job.tray(0)
		}
		m.state, m.stage = stateRunning, stagePrinting
		m.job.follow(m)
	case BeginFinished:
		m.job = localJob(now.Add(-time.Hour))
		m.job.complete()
		m.plate = plate{dirtySince: now}
		m.settings.homed = true
		m.state, m.stage = stateFinish, m.looks.idleStage
	case BeginIdle:
	}
	m.said = m.state
}

// resume is a new life of Run: a file that was still wanted is wanted again.
func (m *machine) resume() {
	if m.state == statePrepare && m.job != nil && !m.job.fetched {
		o := m.job.order
		m.order = &o
	}
}

// connected is a new link: nothing is said before somebody asks, except one
// report that the printer is there. On a network somebody else may have asked.
func (m *machine) connected() {
	m.asked = m.asked && m.stands != nil
	m.say(m.report.hello(m))
}

// joined is one more client on the network.
func (m *machine) joined() {
	if m.faults.Stall == StallUntilReconnect {
		m.faults.Stall = StallNone
	}
}

// hear acts on one payload from the request topic. What is no request at all is
// ignored, as real printers do.
func (m *machine) hear(payload []byte) {
	requests, err := bambu.ParseRequests(payload)
	if err != nil {
		m.cfg.Log.Debug("request not understood", slog.Any("error", err))
		return
	}
	m.asked = true
	for _, r := range requests {
		if r.Class == "pushing" && r.Command == "start" && m.faults.Stall == StallUntilStart {
			m.faults.Stall = StallNone
		}
		m.obey(r)
	}
}

// tick is one second of the printer's own clock, in which Speed simulated
// seconds pass, and the report at its end.
func (m *machine) tick(now time.Time) {
	m.now = now
	if m.faults.PowerOff {
		return
	}
	m.startLate(now)
	m.unpack()
	m.advance()
	m.trouble()
	if m.errorTicks > 0 {
		if m.errorTicks--; m.errorTicks == 0 {
			m.printError, m.failReason = 0, 0
		}
	}
	if m.cfg.AutoClearPlate > 0 && !m.plate.dirtySince.IsZero() && now.Sub(m.plate.dirtySince) >= m.cfg.AutoClearPlate {
		m.plate = plate{clear: true}
	}
	m.heat.sense(m)
	m.wifi.walk(m)
	m.said = m.state
	m.report.refresh(m)
	if m.asked {
		m.say(m.report.periodic())
	}
}

// advance lets simulated time pass, and stops early when the state changes: each
// state is seen in at least one report, however fast time flies.
func (m *machine) advance() {
	step := max(1, m.cfg.Speed/finestStep)
	for left := m.cfg.Speed; left > 0 && m.state == m.said; left -= step {
		d := min(step, left)
		m.heat.pass(m, d)
		if m.ams != nil {
			m.ams.pass(d)
		}
		if m.job != nil {
			m.job.pass(m, d)
		}
	}
}

// say puts a payload on its way; an empty one is nothing to say.
func (m *machine) say(payload []byte) {
	if len(payload) > 0 && m.faults.Stall == StallNone {
		m.out = append(m.out, payload)
	}
}

// busy reports whether a job holds the printer.
func (m *machine) busy() bool {
	return m.state == statePrepare || m.state == stateRunning || m.state == statePause
}

// wifi is the signal, a random walk between -30 and -75 dBm that moves every two or three ticks.
type wifi struct {
	dBm  int
	rest int // ticks until the next move
}

func (w *wifi) walk(m *machine) {
	if w.rest--; w.rest > 0 {
		return
	}
	w.rest = 2 + m.rng.IntN(2)
	step := 1 + m.rng.IntN(2)
	if m.rng.IntN(2) == 0 {
		step = -step
	}
	if w.dBm+step > -30 || w.dBm+step < -75 {
		step = -step
	}
	w.dBm += step
}

func (w *wifi) String() string { return strconv.Itoa(w.dBm) + "dBm" }

// enabled reads the words that camera commands use.
func enabled(word string) bool { return strings.EqualFold(word, "enable") }
