package bambu

import (
	"strconv"
	"strings"
)

// Report says what a message from a printer was.
type Report struct {
	Class      string // print, info, system … ; never header or user_id
	Command    string
	SequenceID string
	Full       bool   // it tells everything, not what changed
	Stated     bool   // it says in which state the printer is
	Merged     bool   // it went into the state
	Result     string // of a reply: success, SUCCESS, fail, FAIL, failed
	Reason     string // of a reply, the printer's own words
	ErrCode    int64  // of a reply, numbered as print_error is; 0: none
	Errno      int    // of a reply; below 0 the command was not carried out as asked
}

// Failed reports whether a reply refuses: by its result, or by an errno below 0
// beside a success (BambuStudio).
func (r Report) Failed() bool {
	return strings.EqualFold(r.Result, "fail") || strings.EqualFold(r.Result, "failed") || r.Errno < 0
}

// errorUnverified is the print error of a command without its maker's signature.
const errorUnverified = 0x05024007

// Unverified reports whether a reply refuses the command for want of its maker's
// signature, which printers ask for while Developer Mode is off (OpenBambuAPI).
func (r Report) Unverified() bool {
	return r.ErrCode == errorUnverified || strings.Contains(strings.ToLower(r.Reason), "verify failed")
}

// errnos say in our own words what a negative errno means (BambuStudio).
var errnos = map[string]map[int]string{
	"set_ctt": {
		-2: "filament for low temperatures is loaded, so the chamber is not heated",
		-4: "the chamber is heated to 40 °C at least; its target is 0 now",
	},
	"ams_change_filament": {
		-2: "the chamber is too hot to change filament",
		-4: "the filament unit is too hot to change filament",
	},
}

// Why is what a person should read of a reply that refuses: the printer's own words,
// and ours for its numbers.
func (r Report) Why() string {
	words := []string{}
	if r.Reason != "" && !strings.EqualFold(r.Reason, "success") {
		words = append(words, r.Reason)
	}
	if r.ErrCode != 0 {
		words = append(words, PrintErrorText(r.ErrCode))
	}
	if w, ok := errnos[r.Command][r.Errno]; ok {
		words = append(words, w)
	} else if r.Errno < 0 {
		words = append(words, "errno "+strconv.Itoa(r.Errno))
	}
	return strings.Join(words, "; ")
}

// fullMembers is how many members make a report without msg a full one: the
// least that was captured is 63, deltas have a handful.
const fullMembers = 40

const (
	classPrint = "print"
	pushStatus = "push_status"
)

// report describes the message and gives the index of its class object, or -1.
func (d *document) report() (Report, int) {
	name, body := d.class()
	if body < 0 || d.tokens[body].kind != objectKind {
		return Report{Class: name}, -1
	}
	r := Report{Class: name}
	var msg string
	members := 0
	for j := body + 1; j < d.after(body); j = d.after(j + 1) {
		members++
		switch string(d.name(j)) {
		case "command":
			r.Command = d.command(j + 1)
		case "sequence_id":
			r.SequenceID = d.words(j + 1)
		case "result":
			r.Result = d.words(j + 1)
		case "reason":
			r.Reason = cut(d.words(j+1), maxName)
		case "err_code":
			r.ErrCode = int64(bits32(d.raw(j + 1)))
		case "errno":
			r.Errno, _ = wholeNumber(d.raw(j + 1))
		case "msg":
			msg = string(bare(d.raw(j + 1)))
		case "gcode_state":
			r.Stated = true
		}
	}
	if r.Class == classPrint && (r.Command == pushStatus || r.Command == "") {
		r.Full = msg == "0" || msg == "" && r.Stated && members >= fullMembers
	}
	return r, body
}

// class finds the object that the message is about: print, else the first that
// is no envelope.
func (d *document) class() (string, int) {
	if d.tokens[0].kind != objectKind {
		return "", -1
	}
	if i := d.member(0, classPrint); i >= 0 {
		return classPrint, i
	}
	for j := 1; j < d.after(0); j = d.after(j + 1) {
		if name := d.name(j); !envelope(name) {
			return string(name), j + 1
		}
	}
	return "", -1
}

// envelope reports whether a top-level member stands beside the class object:
// the signature of signed commands, and the cloud's user id.
func envelope(name []byte) bool {
	return string(name) == "header" || string(name) == "user_id"
}

// command is the command's name; the one that matters costs no allocation.
func (d *document) command(i int) string {
	if string(d.raw(i)) == `"`+pushStatus+`"` {
		return pushStatus
	}
	return d.words(i)
}
