package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile"
)

// recordedFrom is when every recorded run takes place: the clock of the day would
// make each another.
var recordedFrom = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// setup is the first line of a recording: the printer that it is of.
type setup struct {
	Serial string        `json:"serial"`
	Model  string        `json:"model"`
	Name   string        `json:"name"`
	Seed   int64         `json:"seed"`
	Speed  float64       `json:"speed"`
	Tick   time.Duration `json:"tick_nanoseconds"`
	Begin  Begin         `json:"begin"`
	NoAMS  bool          `json:"no_ams"`
	TwoAMS bool          `json:"two_ams,omitempty"`
	Clear  time.Duration `json:"auto_clear_nanoseconds"`
	Faults Faults        `json:"faults"`
	LAN    *place        `json:"lan,omitempty"` // nil: it stood on no network
}

// place is what a printer reports of its own network.
type place struct {
	Addr       string `json:"addr"`
	AccessCode string `json:"access_code"`
	RTSPS      int    `json:"rtsps_port"`
}

// moment is any other line: what happened to the printer or what it said, after
// so many ticks.
type moment struct {
	Tick int64           `json:"tick"`
	In   *input          `json:"in,omitempty"`
	Said json.RawMessage `json:"said,omitempty"`
}

// Recording is a run to be repeated.
type Recording struct {
	setup  setup
	inputs []moment
}

// longestLine of a recording: a request of 256 KiB, escaped.
const longestLine = 4 << 20

// ReadRecording reads what Config.Record wrote.
func ReadRecording(from io.Reader) (*Recording, error) {
	r := &Recording{}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, longestLine)
	for number := 1; lines.Scan(); number++ {
		var m moment
		into := any(&m)
		if number == 1 {
			into = &r.setup
		}
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			return nil, grove.Errorf(grove.Invalid, "sim_recording", "line %d is no line of a recording: %v", number, err)
		}
		if m.In != nil {
			r.inputs = append(r.inputs, m)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	if r.setup.Serial == "" {
		return nil, grove.Errorf(grove.Invalid, "sim_recording", "this recording names no printer")
	}
	return r, nil
}

// Onto makes cfg the printer of the recording, which does the same again: it
// listens to nobody, and where it can be reached is still cfg's.
func (r *Recording) Onto(cfg Config) Config {
	s := r.setup
	cfg.Serial, cfg.Model, cfg.Name, cfg.Seed, cfg.Speed, cfg.Tick = s.Serial, s.Model, s.Name, s.Seed, s.Speed, s.Tick
	cfg.Begin, cfg.NoAMS, cfg.TwoAMS, cfg.AutoClearPlate, cfg.Faults, cfg.replay = s.Begin, s.NoAMS, s.TwoAMS, s.Clear, s.Faults, r
	return cfg
}

// until takes the inputs that came up to a tick out of the recording.
func (r *Recording) until(tick int64) []input {
	var due []input
	for len(r.inputs) > 0 && r.inputs[0].Tick <= tick {
		due = append(due, *r.inputs[0].In)
		r.inputs = r.inputs[1:]
	}
	return due
}

// stands is the network that the printer reports: its own, or that of the recording.
func (c Config) stands() *LAN {
	if c.replay == nil {
		return c.LAN
	}
	at := c.replay.setup.LAN
	if at == nil {
		return nil
	}
	return &LAN{Addr: at.Addr, AccessCode: grove.Secret(at.AccessCode), RTSPS: at.RTSPS}
}

// repeatable reports whether a run must not depend on the time of day.
func (c Config) repeatable() bool { return c.Record != nil || c.replay != nil }

// clock is what time it is for the printer.
func (c Config) clock(ticks int64) time.Time {
	if c.repeatable() {
		return recordedFrom.Add(time.Duration(ticks) * c.Tick)
	}
	return time.Now()
}

// note writes what happened and what the machine said of it.
func (m *machine) note(in input, said [][]byte) {
	if m.cfg.Record == nil || m.fault != nil {
		return
	}
	var text bytes.Buffer
	write := func(line any) {
		if err := json.NewEncoder(&text).Encode(line); err != nil {
			m.fault = fmt.Errorf("record: %w", err)
		}
	}
	if !in.ticked {
		write(moment{Tick: m.ticks, In: &in})
	}
	for _, payload := range said {
		write(moment{Tick: m.ticks, Said: payload})
	}
	if _, err := m.cfg.Record.Write(text.Bytes()); err != nil {
		m.fault = fmt.Errorf("record: %w", err)
	}
}

// open writes the first line of the recording, if there is one.
func (m *machine) open() error {
	c := m.cfg
	if c.Record == nil {
		return nil
	}
	s := setup{
		Serial: c.Serial, Model: c.Model, Name: c.Name, Seed: c.Seed, Speed: c.Speed, Tick: c.Tick,
		Begin: c.Begin, NoAMS: c.NoAMS, TwoAMS: c.TwoAMS, Clear: c.AutoClearPlate, Faults: c.Faults,
	}
	if at := m.stands; at != nil {
		s.LAN = &place{Addr: at.Addr, AccessCode: string(at.AccessCode), RTSPS: at.RTSPS}
	}
	line, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if _, err := c.Record.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

// arrival is a file in a recording: what its reader found, not its bytes.
type arrival struct {
	Number   int                `json:"number"`
	Error    string             `json:"error,omitempty"`
	Code     int64              `json:"code,omitempty"`
	Bytes    int64              `json:"bytes"`
	Grams    float64            `json:"grams"`
	Timeline printfile.Timeline `json:"timeline"`
}

// MarshalJSON writes the file into a recording.
func (f *file) MarshalJSON() ([]byte, error) {
	a := arrival{Number: f.number, Bytes: f.bytes, Grams: f.grams, Timeline: f.timeline}
	if f.err != nil {
		a.Error = f.err.Error()
		if coded, ok := errors.AsType[refusal](f.err); ok {
			a.Code = coded.code
		}
	}
	return json.Marshal(a)
}

// UnmarshalJSON reads it.
func (f *file) UnmarshalJSON(text []byte) error {
	var a arrival
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	*f = file{number: a.Number, bytes: a.Bytes, grams: a.Grams, timeline: a.Timeline}
	switch {
	case a.Code != 0:
		f.err = refusal{a.Error, a.Code}
	case a.Error != "":
		f.err = errors.New(a.Error)
	}
	return nil
}
