package bambu

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
)

// Request is one command to a printer, as a client wrote it.
type Request struct {
	Class      string // print, info, pushing, system, camera, xcam, upgrade, security
	Command    string
	SequenceID string                     // as words, whether it was a string or a number; empty if there was none
	Fields     map[string]json.RawMessage // all members of the class object
	Raw        []byte                     // the class object
	Expected   *grove.ExpectedPrint       // the print that it is for; nil: whichever
}

// classes are those in which clients ask; printers alone use mc_print and event.
var classes = []string{"print", "info", "pushing", "system", "camera", "xcam", "upgrade", "security"}

// ParseRequests reads what a client sent to a printer: one request for each
// class, in the order of the message. A signature (header) and a user_id beside
// them are left out; expected_print, Grove's own, goes to each. Messages over 64 KiB, with a member named twice, with
// another class or without a command are refused as a whole.
func ParseRequests(payload []byte) ([]Request, error) {
	d, err := readDocument(payload, maxRequestBytes, true)
	if err != nil {
		return nil, err
	}
	defer d.close()
	if d.tokens[0].kind != objectKind {
		return nil, malformed("a command must be an object such as {\"print\":{\"command\":\"pause\"}}")
	}
	expected, err := d.expectedPrint(d.member(0, expectedPrint))
	if err != nil {
		return nil, err
	}
	var all []Request
	for j := 1; j < d.after(0); j = d.after(j + 1) {
		if name := d.name(j); envelope(name) || string(name) == expectedPrint {
			continue
		}
		r, err := d.request(string(d.name(j)), j+1)
		if err != nil {
			return nil, err
		}
		r.Expected = expected
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, malformed("the message holds no command")
	}
	return all, nil
}

// expectedPrint is the member beside the class objects that says which print is meant.
const expectedPrint = "expected_print"

// expectedPrint reads value i, which says it; nil for i < 0. One that can't be read whole
// is refused: the command would act on whichever print.
func (d *document) expectedPrint(i int) (*grove.ExpectedPrint, error) {
	if i < 0 {
		return nil, nil
	}
	unclear := malformed(`%s must say which print is meant, by "run" (the number that the printer was shown with), by "task_id" (a string, the job's id) or by both`, expectedPrint)
	if d.tokens[i].kind != objectKind || d.members(i) == 0 {
		return nil, unclear
	}
	var e grove.ExpectedPrint
	for j := i + 1; j < d.after(i); j = d.after(j + 1) {
		name, kind, words := string(d.name(j)), d.tokens[j+1].kind, d.words(j+1)
		switch {
		case name == "run" && kind == numberKind:
			run, err := strconv.ParseInt(words, 10, 64)
			if err != nil || run <= 0 {
				return nil, unclear
			}
			e.Run = run
		case name == "task_id" && kind == stringKind && words != "":
			e.TaskID = words
		default:
			return nil, unclear
		}
	}
	return &e, nil
}

func malformed(format string, args ...any) *grove.Error {
	return grove.Errorf(grove.Invalid, "malformed_command", format, args...)
}

// request reads the class object i.
func (d *document) request(class string, i int) (Request, error) {
	if !slices.Contains(classes, class) {
		return Request{}, malformed("commands of the class %q are not known; %s are", class, strings.Join(classes, ", "))
	}
	if d.tokens[i].kind != objectKind {
		return Request{}, malformed("%s must be an object with a command", class)
	}
	r := Request{Class: class, Raw: bytes.Clone(d.raw(i)), Fields: make(map[string]json.RawMessage, d.members(i))}
	for j := i + 1; j < d.after(i); j = d.after(j + 1) {
		r.Fields[string(d.name(j))] = bytes.Clone(d.raw(j + 1))
	}
	command, sequence := d.member(i, "command"), d.member(i, "sequence_id")
	if command < 0 || d.tokens[command].kind != stringKind || d.words(command) == "" {
		return Request{}, malformed("%s names no command", class)
	}
	r.Command = d.words(command)
	if sequence >= 0 {
		if k := d.tokens[sequence].kind; k != stringKind && k != numberKind {
			return Request{}, malformed("the sequence_id of %s.%s must be a string or a number", class, r.Command)
		}
		r.SequenceID = d.words(sequence)
	}
	return r, nil
}

// Kind says what a command does, and so which permission it takes.
type Kind int

// The kinds of command.
const (
	KindUnknown Kind = iota // in no list of commands: refused
	KindRead                // asks
	KindControl             // pauses, resumes, stops, lights, fans, settings
	KindHeat                // sets a temperature
	KindGcode               // moves the machine by hand: G-code and jogging
	KindStart               // begins something on the plate: becomes a job or is refused
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case KindRead:
		return "read"
	case KindControl:
		return "control"
	case KindHeat:
		return "heat"
	case KindGcode:
		return "gcode"
	case KindStart:
		return "start"
	case KindUnknown:
	}
	return "unknown"
}

// Kind is what the command does.
func (r Request) Kind() Kind { return r.entry().kind }

// Urgent reports whether the command must never wait or be limited: stop and pause.
func (r Request) Urgent() bool { return r.entry().urgent }

// Warms reports whether the command sets some temperature above 0. What can't be
// read counts as warming.
func (r Request) Warms() bool {
	switch r.Kind() {
	case KindHeat:
		for _, member := range []string{"param", "target_temp", "temp", "ctt_val"} {
			if _, ok := r.Fields[member]; ok {
				n, err := r.integer(member)
				return err != nil || n > 0
			}
		}
		return true
	case KindGcode:
		code, err := r.text("param")
		return err != nil || warmsByGcode(code)
	case KindRead, KindControl, KindStart, KindUnknown:
	}
	return false
}

// Cooling are the commands that switch off what a printer of this model heats.
func Cooling(m Model, s grove.Shadow) []string {
	var off []string
	for _, h := range []struct {
		on      bool
		command string
	}{
		{s.NozzleTargetCelsius > 0, "set_nozzle_temp"},
		{s.BedTargetCelsius > 0, "set_bed_temp"},
		{s.ChamberTargetCelsius > 0 && m.ChamberMax > 0, "set_chamber_temp"},
	} {
		if h.on {
			off = append(off, `{"print":{"command":"`+h.command+`","param":"0"}}`)
		}
	}
	return off
}

// Documented reports whether this is one of the nine commands of the cloud's
// documentation in its own form: with a param where it takes a value, and not
// with the printers' own members of the same command.
func (r Request) Documented() bool {
	_, ok := documented[r.Class+"."+r.Command]
	return ok && !r.native()
}

// native reports whether the request has the member in which printers
// themselves take the value of a command that is also documented with param.
func (r Request) native() bool {
	member, ok := nativeMembers[r.Command]
	if !ok || r.Class != classPrint {
		return false
	}
	_, ok = r.Fields[member]
	return ok
}

// nativeMembers tells the printers' own set_ctt (a chamber temperature) and
// set_airduct (a mode) from the documented ones (fans) of the same name.
var nativeMembers = map[string]string{
	"set_nozzle_temp": "target_temp",
	"set_bed_temp":    "temp",
	"set_ctt":         "ctt_val",
	"set_airduct":     "modeId",
}

// name is how messages call the request.
func (r Request) name() string { return r.Class + "." + r.Command }
