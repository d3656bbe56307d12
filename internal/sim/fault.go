package sim

import (
	"fmt"
	"slices"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// Stall is how a printer stops publishing while its connections stay up, as the
// brokers of P1 and A1 do now and then (ha-bambulab, bambuddy).
type Stall string

// The stalls, by what ends them.
const (
	StallNone           Stall = ""
	StallOn             Stall = "on"              // only taking the fault back
	StallUntilStart     Stall = "until_start"     // a pushing.start
	StallUntilReconnect Stall = "until_reconnect" // a client that connects anew
)

// Pretence is what a printer shows in place of its own certificate.
type Pretence string

// The pretences.
const (
	OwnCertificate Pretence = ""
	OtherKey       Pretence = "other_key"  // the right serial, another key
	OtherName      Pretence = "other_name" // another serial
)

// Faults are what is wrong with a printer. The zero Faults are none. All of them
// can be set at any time; seconds are real ones, whatever the printer's speed.
type Faults struct {
	PowerOff bool  `json:"power_off"` // everything is cut at once; what power brings back is in docs/simulator.md
	Stall    Stall `json:"stall"`

	AcceptDelaySeconds float64 `json:"accept_delay_seconds"` // nothing shows for so long that a start was received, then it is carried out; 0 to 300
	RefuseStarts       bool    `json:"refuse_starts"`        // every start is answered as by a busy printer (0500-4004)
	SignatureRequired  bool    `json:"signature_required"`   // print.* is refused, as with Developer Mode off

	FinishedFor           float64 `json:"finished_for_seconds"`    // so long after it accepted a start it still reports the last print as FINISH; 0 to 600
	FinishedWhilePrinting bool    `json:"finished_while_printing"` // it reports FINISH whatever it does

	DoorOpen bool  `json:"door_open"`
	Runout   bool  `json:"runout"`  // the filament is used up: a print pauses, and again after each resume
	Clog     bool  `json:"clog"`    // it does not come out: the same
	HMS      []HMS `json:"hms"`     // health messages, such as 0300_0100_0001_0001
	NoCard   bool  `json:"no_card"` // nothing is in the slot of its storage

	Autostart bool         `json:"autostart"` // when power comes, it begins whatever lies in the root folder of its card
	Files     FileFaults   `json:"files"`
	Camera    CameraFaults `json:"camera"`

	Certificate Pretence `json:"certificate"`
}

// staleLongest bounds FinishedFor; 80 to 210 s were seen on an H2D Pro (bambuddy #1157).
const staleLongest = 600

// latestEnd bounds FileFaults.LateEndSeconds.
const latestEnd = 600

// latestAccept bounds AcceptDelaySeconds.
const latestAccept = 300

func (f *Faults) check() error {
	wrong := func(format string, args ...any) error {
		return grove.Errorf(grove.Invalid, "sim_fault", format, args...)
	}
	switch {
	case !slices.Contains([]Stall{StallNone, StallOn, StallUntilStart, StallUntilReconnect}, f.Stall):
		return wrong("%q is no stall; on, until_start and until_reconnect are", f.Stall)
	case !slices.Contains([]Pretence{OwnCertificate, OtherKey, OtherName}, f.Certificate):
		return wrong("%q is no certificate to show; other_key and other_name are", f.Certificate)
	case f.AcceptDelaySeconds < 0 || f.AcceptDelaySeconds > latestAccept:
		return wrong("accept_delay_seconds: %g is outside 0 to %d", f.AcceptDelaySeconds, latestAccept)
	case f.Files.BytesPerSecond < 0 || f.Files.CutAfterBytes < 0 || f.Files.LateEndSeconds < 0 || f.Files.LateEndSeconds > latestEnd:
		return wrong("files: bytes_per_second and cut_after_bytes count from 0, late_end_seconds from 0 to %d", latestEnd)
	case f.FinishedFor < 0 || f.FinishedFor > staleLongest:
		return wrong("finished_for_seconds: %g is outside 0 to %d", f.FinishedFor, staleLongest)
	}
	return nil
}

// HMS is a health message as printers number it. As text it is written
// 0300_0100_0001_0001, the two numbers in halves (ha-bambulab, BambuStudio).
type HMS struct{ Attr, Code uint32 }

// MarshalText writes the message's number.
func (h HMS) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%04X_%04X_%04X_%04X", h.Attr>>16, h.Attr&0xFFFF, h.Code>>16, h.Code&0xFFFF), nil
}

// UnmarshalText reads it.
func (h *HMS) UnmarshalText(text []byte) error {
	var a, b, c, d uint16
	var more string
	if n, err := fmt.Sscanf(string(text)+" .", "%4x_%4x_%4x_%4x %s", &a, &b, &c, &d, &more); err != nil || n != 5 || more != "." {
		return grove.Errorf(grove.Invalid, "sim_hms", "%.40q is no health message; 0300_0100_0001_0001 is", text)
	}
	*h = HMS{Attr: uint32(a)<<16 | uint32(b), Code: uint32(c)<<16 | uint32(d)}
	return nil
}

// Faults are what is wrong with the printer now.
func (p *Printer) Faults() Faults {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.m.faults
}

// ChangeFaults lets something go wrong, or makes it good again. It is refused as
// a whole when a value is.
func (p *Printer) ChangeFaults(change func(*Faults) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.m.faults
	f.HMS = slices.Clone(f.HMS)
	if err := change(&f); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	if p.cfg.replay != nil {
		return grove.Errorf(grove.Conflict, "sim_replay", "this printer repeats a recording; its faults are those of the recording")
	}
	back := p.m.faults.PowerOff && !f.PowerOff
	p.happen(input{Faults: &f})
	if back {
		p.lookForFiles()
	}
	return nil
}

// suffer makes the faults hold.
func (m *machine) suffer(f Faults) {
	cut, back := f.PowerOff && !m.faults.PowerOff, m.faults.PowerOff && !f.PowerOff
	if !f.SignatureRequired {
		m.unverified = false
	}
	m.faults = f
	if cut {
		m.lose()
	}
	if back {
		m.report = newReport(m)
	}
}

// lose is the moment without power. A print is gone, the part it made is not, and
// how far it was is still shown when power is back; what a person set is kept.
func (m *machine) lose() {
	if m.busy() {
		m.state = stateIdle
		if !m.plate.clear {
			m.plate.dirtySince = m.now
		}
	}
	m.said, m.stage = m.state, m.looks.bootStage
	m.heat, m.fans = newHeat(m.model), fans{}
	m.settings.homed = false
	m.printError, m.failReason, m.errorTicks = 0, 0, 0
	m.late, m.arrived, m.order, m.asked, m.staleUntil = nil, nil, nil, false, m.now
	m.out = nil
	if m.ams != nil {
		m.ams.loading = 0
	}
}

// The health messages and errors of faults (ha-bambulab's table).
const (
	errorRunout    = 0x03008004 // filament used up, waiting
	errorClog      = 0x07008006 // the AMS cannot feed into the extruder
	errorSignature = 0x05024007 // the command could not be verified
)

var hmsSignature = HMS{Attr: 0x05000500, Code: 0x00010007}

// hmsRunout is the message that a tray of the unit ran out.
func hmsRunout(flat int) HMS {
	return HMS{Attr: 0x07002000 | uint32(flat/4&7)<<16 | uint32(flat%4)<<8, Code: 0x00020001} //nolint:gosec // small numbers
}

// health is every health message: those that were set, and those of other faults.
func (m *machine) health() []HMS {
	all := m.faults.HMS
	if m.unverified {
		all = append(slices.Clone(all), hmsSignature)
	}
	if m.printError == errorRunout && m.ams != nil && m.ams.now < trayExternal {
		all = append(slices.Clone(all), hmsRunout(m.ams.now))
	}
	return all
}

// trouble holds a print that cannot go on, once it was seen to print.
func (m *machine) trouble() {
	if m.state != stateRunning || m.said != stateRunning || m.job.step < len(m.job.plan) {
		return
	}
	hold := func(stage int, code int64) {
		if m.pause(stage) == nil {
			m.printError, m.failReason, m.errorTicks = code, code, 0
		}
	}
	switch {
	case m.faults.Runout:
		hold(stageRunout, errorRunout)
	case m.faults.Clog:
		hold(stageClogged, errorClog)
	case m.faults.DoorOpen && m.looks.door && m.settings.doorCheck == doorPauses:
		hold(stageDoor, 0)
	}
}

// verified reports whether a command is taken. Signatures are made with keys that
// only the vendor's programs hold, so that none is valid here.
func (m *machine) verified(r bambu.Request) bool {
	if r.Class != "print" || !m.faults.SignatureRequired {
		return true
	}
	m.unverified = true
	return false
}

// shown is the gcode_state that is reported.
func (m *machine) shown() string {
	if m.faults.FinishedWhilePrinting || m.stale() {
		return stateFinish
	}
	return m.state
}

// stale reports whether the printer still shows its last print though it accepted
// another one.
func (m *machine) stale() bool { return m.now.Before(m.staleUntil) }

// subject is the print that reports are about.
func (m *machine) subject() *job {
	if m.stale() {
		return m.before
	}
	return m.job
}
