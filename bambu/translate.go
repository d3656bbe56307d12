package bambu

import (
	"strconv"

	"github.com/grovecloud/grove"
)

// members are the members of a class object as JSON, without its braces.
type members []byte

// saying begins the members of a command.
func saying(command string) members {
	return members(nil).text("command", command)
}

// text adds a member that is a string.
func (w members) text(name, value string) members {
	return appendQuoted(w.name(name), value)
}

// number adds a member that is a number.
func (w members) number(name string, value int) members {
	return strconv.AppendInt(w.name(name), int64(value), 10)
}

// flag adds a member that is true or false.
func (w members) flag(name string, value bool) members {
	return strconv.AppendBool(w.name(name), value)
}

// raw adds a member that is JSON already.
func (w members) raw(name string, value []byte) members {
	return append(w.name(name), value...)
}

func (w members) name(name string) members {
	if len(w) > 0 {
		w = append(w, ',')
	}
	return append(appendQuoted(w, name), ':')
}

// payload is the whole message.
func (w members) payload(class string) []byte {
	b := append(make([]byte, 0, len(w)+len(class)+8), '{')
	b = append(appendQuoted(b, class), `:{`...)
	return append(append(b, w...), "}}"...)
}

// Translate gives the message to send to a printer of this model for a request
// that passed [Check], under a sequence id of the sender's own. The documented
// commands become what the model understands, of which s tells some details (the
// nozzle in use, what the firmware can do) and may be nil; all others keep their
// members.
func Translate(m Model, s *State, r Request, sequenceID string) ([]byte, error) {
	w := members(nil).text("sequence_id", sequenceID)
	c := r.entry()
	if c.kind == KindUnknown || c.kind == KindStart {
		return nil, grove.Errorf(grove.Invalid, "unknown_command", "%s is not passed on to printers", r.name())
	}
	if c.translate == nil {
		rest, err := r.members("sequence_id")
		if err != nil {
			return nil, err
		}
		return append(append(w, ','), rest...).payload(r.Class), nil
	}
	said, err := c.translate(s.Narrow(m), s, r)
	if err != nil {
		return nil, err
	}
	return append(append(w, ','), said...).payload(classPrint), nil
}

// members gives the request's own members in their order, but for some.
func (r Request) members(but ...string) (members, error) {
	d, err := readDocument(r.Raw, maxRequestBytes, true)
	if err != nil {
		return nil, err
	}
	defer d.close()
	if d.tokens[0].kind != objectKind {
		return nil, malformed("%s must be an object", r.Class)
	}
	var w members
each:
	for j := 1; j < d.after(0); j = d.after(j + 1) {
		name := string(d.name(j))
		for _, b := range but {
			if name == b {
				continue each
			}
		}
		w = w.raw(name, d.raw(j+1))
	}
	return w, nil
}

// plainCommand passes pause, resume and stop, with the empty param that printers
// expect. The form that answers an error (err, job_id) keeps its members.
func plainCommand(_ Model, _ *State, r Request) (members, error) {
	w, err := r.members("sequence_id")
	if _, ok := r.Fields["param"]; err != nil || ok {
		return w, err
	}
	return w.text("param", ""), nil
}

// gcodeLine is a command that runs lines of G-code.
func gcodeLine(lines string) (members, error) {
	return saying("gcode_line").text("param", lines), nil
}

// nozzleTemperature heats the nozzle in use. Printers with one take M104, those
// with two a command of their own (BambuStudio). M109 would block the printer's
// queue until the nozzle is hot.
func nozzleTemperature(m Model, s *State, r Request) (members, error) {
	t, err := r.param(0, m.NozzleMax, celsius)
	if err != nil {
		return nil, err
	}
	if m.Nozzles < 2 {
		return gcodeLine("M104 S" + strconv.Itoa(t) + "\n")
	}
	return saying("set_nozzle_temp").number("extruder_index", s.activeExtruder()).number("target_temp", t), nil
}

// funBedTemperature is the bit of fun of firmware that takes set_bed_temp.
const funBedTemperature = 39

func bedTemperature(m Model, s *State, r Request) (members, error) {
	t, err := r.param(0, m.BedMax, celsius)
	if err != nil {
		return nil, err
	}
	if m.AirDuct && s.can(funBedTemperature) {
		return saying("set_bed_temp").number("temp", t), nil
	}
	return gcodeLine("M140 S" + strconv.Itoa(t) + "\n")
}

// airDuctHeating is the air duct's mode in which the chamber can be heated.
const airDuctHeating = 1

// chamberTemperature heats the chamber. On printers whose air duct has a heating
// mode the G-code form is used where that mode must begin or is over with, since it
// switches the mode in the same message (ha-bambulab); everywhere else set_ctt
// (BambuStudio).
func chamberTemperature(m Model, s *State, r Request) (members, error) {
	t, err := r.param(m.ChamberMin, m.ChamberMax, celsius)
	if err != nil {
		return nil, err
	}
	heating := s.airDuctMode() == airDuctHeating
	switch {
	case m.ChamberHeatFrom > 0 && t >= m.ChamberHeatFrom && !heating:
		return gcodeLine("M145 P1\nM141 S" + strconv.Itoa(t) + "\n")
	case m.ChamberHeatFrom > 0 && t == 0 && heating:
		return gcodeLine("M141 S0\nM145 P0\n")
	}
	return saying("set_ctt").number("ctt_val", t), nil
}

// fanSpeed sets a fan. Printers with an air duct take set_fan in percent once
// their firmware has the new protocol, all others M106 with a byte. Both get tens
// of percent, the printers' own steps.
func fanSpeed(f fan) func(Model, *State, Request) (members, error) {
	return func(m Model, s *State, r Request) (members, error) {
		p, err := r.param(0, 100, percents)
		if err != nil {
			return nil, err
		}
		p = (p + 5) / 10 * 10
		if m.AirDuct && s.speaksNew(m) {
			return saying("set_fan").number("fan_index", int(f)).number("speed", p), nil
		}
		duty := (p*255 + 50) / 100
		return gcodeLine("M106 P" + strconv.Itoa(int(f)) + " S" + strconv.Itoa(duty) + "\n")
	}
}
