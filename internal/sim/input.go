package sim

import "bytes"

// input is one thing that happens to a machine, besides time passing. The same
// inputs at the same ticks make the same machine say the same.
type input struct {
	Resumed   bool    `json:"resumed,omitempty"`   // a new life of Run
	Connected bool    `json:"connected,omitempty"` // a link to the cloud is up
	Joined    bool    `json:"joined,omitempty"`    // a client came in on the network
	Heard     string  `json:"heard,omitempty"`     // a payload from a request topic
	Arrived   *file   `json:"arrived,omitempty"`   // a file was fetched, or not
	Faults    *Faults `json:"faults,omitempty"`    // they are these from now on
	Cleared   bool    `json:"cleared,omitempty"`   // somebody took the part off the plate
	Found     string  `json:"found,omitempty"`     // what lay in the root folder of its card when power came
	ticked    bool    // a second of the printer's own clock is over
}

// heard is the input of a payload. A1 mini and some clients send bytes that are
// no UTF-8; those are replaced (bambuddy).
func heard(payload []byte) input {
	return input{Heard: string(bytes.ToValidUTF8(payload, []byte("\uFFFD")))}
}

// happen lets something happen to the machine. The printer is locked.
func (p *Printer) happen(in input) {
	m := p.m
	before := len(m.out)
	m.happen(in)
	m.note(in, m.out[min(before, len(m.out)):])
	if in.Faults != nil {
		p.storage.insert(!in.Faults.NoCard)
		close(p.changed)
		p.changed = make(chan struct{})
	}
}

func (m *machine) happen(in input) {
	if in.ticked {
		m.ticks++
	}
	m.now = m.cfg.clock(m.ticks)
	switch {
	case in.ticked:
		m.tick(m.now)
	case in.Faults != nil:
		m.suffer(*in.Faults)
	case in.Cleared:
		m.plate.clear = true
	case m.faults.PowerOff: // it notices nothing else
	case in.Resumed:
		m.resume()
	case in.Connected:
		m.connected()
	case in.Joined:
		m.joined()
	case in.Found != "":
		m.autostart(in.Found)
	case in.Arrived != nil:
		m.received(*in.Arrived)
	default:
		m.hear([]byte(in.Heard))
	}
}
