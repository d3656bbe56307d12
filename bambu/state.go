package bambu

import (
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

// State is what a printer has said of itself, merged from its reports: the
// print object as its clients would see it, in the printer's order, with its
// number text and with members that nothing here knows of. It is not safe for
// concurrent use.
type State struct {
	root  node
	added int // bytes of reports that made the tree grow since it was measured
}

// maxStateBytes bounds the memory of one printer's state; real ones take a
// tenth of it.
const maxStateBytes = 2 << 20

// reportedAtMember marks a full report that was made here with the age of what it
// says. No printer has it.
const reportedAtMember = "grove_reported_at"

// NotedMember is a member in which a state may be stored with what is known of the
// printer beside its reports. No printer has it, and none is taken from a printer.
const NotedMember = "grove_noted"

// NewState is the state of a printer that has said nothing yet.
func NewState() *State {
	return &State{root: node{kind: objectKind}}
}

// LoadState reads a state that [State.JSON] wrote.
func LoadState(printJSON []byte) (*State, error) {
	d, err := readDocument(printJSON, maxStateBytes, false)
	if err != nil {
		return nil, err
	}
	defer d.close()
	if d.tokens[0].kind != objectKind {
		return nil, grove.Errorf(grove.Invalid, "malformed_state", "a printer's state must be a JSON object")
	}
	s := NewState()
	m := merging{d: d}
	m.value(&s.root, 0, otherShape)
	s.root.drop(func(n *node) bool { return ofMessage(n.name) })
	return s, nil
}

// JSON is the merged print object, without the members that belong to one
// message (command, msg, sequence_id).
func (s *State) JSON() []byte { return s.AppendJSON(nil) }

// AppendJSON appends what JSON gives to b.
func (s *State) AppendJSON(b []byte) []byte { return s.root.appendJSON(b) }

// Told is what JSON gives, for people: without what opens the printer, which are members
// called after an access code and texts that are the code, and unless placed without
// where it stands: net and ipcam.rtsp_url (mqtt-lan reports of X1 and H2 firmware).
func (s *State) Told(code string, placed bool) []byte {
	told, err := LoadState(s.JSON())
	if err != nil { // it was merged under the same limits
		return []byte("{}")
	}
	quoted := ""
	if code != "" {
		quoted = string(appendQuoted(nil, code))
	}
	told.root.prune(func(n *node) bool {
		return strings.Contains(n.name, "access_code") || quoted != "" && string(n.text) == quoted
	})
	if !placed {
		told.root.drop(func(n *node) bool { return n.name == "net" })
		if camera := told.root.child("ipcam"); camera != nil {
			camera.drop(func(n *node) bool { return n.name == "rtsp_url" })
		}
	}
	return told.JSON()
}

// PushStatus is the message in which a printer answers pushall: everything, as
// a full report. It says, in a member of our own, when the printer last reported,
// unless that is zero.
func (s *State) PushStatus(sequenceID string, reportedAt time.Time) []byte {
	b := append(make([]byte, 0, 16<<10), `{"print":{`...)
	b = s.root.appendMembers(b)
	if len(s.root.kids) > 0 {
		b = append(b, ',')
	}
	if !reportedAt.IsZero() {
		b = append(b, `"`+reportedAtMember+`":`...)
		b = append(appendQuoted(b, reportedAt.UTC().Format(time.RFC3339Nano)), ',')
	}
	b = append(b, `"command":"push_status","msg":0,"sequence_id":`...)
	b = appendQuoted(b, sequenceID)
	return append(b, "}}"...)
}

// speaksNew reports whether the printer has the protocol in which cfg, fun, aux
// and stat are all reported (BambuStudio). Of one that has said nothing yet the
// model tells.
func (s *State) speaksNew(m Model) bool {
	if s == nil || len(s.root.kids) == 0 {
		return m.NewProtocol
	}
	for _, name := range []string{"cfg", "fun", "aux", "stat"} {
		if s.root.child(name) == nil {
			return false
		}
	}
	return true
}

// can reports whether firmware says, by a bit of fun, that it can do something.
func (s *State) can(bit uint) bool {
	return s != nil && s.root.child("fun").hex()>>bit&1 == 1
}

// Narrow is the model as this very printer is, by what it says of itself in
// home_flag (BambuStudio): an X1 on 110 V mains (bit 3 clear) has a cooler bed, and a
// P1P whose firmware knows the kit (bit 27) and does not have it (bit 26) has no
// chamber fan. A nil state, or one that says nothing of it, leaves the model as it is.
func (s *State) Narrow(m Model) Model {
	if s == nil || s.root.child("home_flag") == nil {
		return m
	}
	flags := s.root.child("home_flag").bits32()
	if m.BedMax110 > 0 && flags>>3&1 == 0 {
		m.BedMax = m.BedMax110
	}
	if m.FanKit && flags>>27&1 == 1 && flags>>26&1 == 0 {
		m.ChamberFan = false
	}
	return m
}

// Signed reports whether the printer takes commands only with its maker's
// signature, because Developer Mode is off: bit 29 of fun (ha-bambulab). Known is
// false where firmware does not say it, as that of P1 and A1 does not.
func (s *State) Signed() (signed, known bool) {
	return s.can(29), s.root.child("fun") != nil
}

// Liveview reports whether the printer shows its camera's video on its network. Those
// that send pictures do not tell.
func (s *State) Liveview() (on, known bool) {
	u := s.root.child("ipcam").child("rtsp_url").words()
	return u != "disable", u != ""
}

// Storage is what the printer says of its card or stick: StorageNone, StorageGood,
// StorageBad or StorageReadOnly by bits 8 and 9 of home_flag (BambuStudio), else by
// sdcard. Known is false when it said neither.
func (s *State) Storage() (state int, known bool) {
	if flags := s.root.child("home_flag"); flags != nil {
		return int(flags.bits32() >> 8 & 3), true
	}
	card := s.root.child("sdcard")
	if card.words() == "true" {
		return StorageGood, true
	}
	return StorageNone, card != nil
}

// The states of a printer's storage.
const (
	StorageNone = iota
	StorageGood
	StorageBad
	StorageReadOnly
)

// airDuctMode is the air duct's mode, or -1 if it is not known.
func (s *State) airDuctMode() int {
	if s == nil {
		return -1
	}
	return s.root.path("device", "airduct", "modeCur").integerOr(-1)
}

// activeExtruder is the nozzle in use, 0 right or only and 1 left: bits 4 to 7
// of device.extruder.state (BambuStudio).
func (s *State) activeExtruder() int {
	if s == nil {
		return 0
	}
	if s.root.path("device", "extruder", "state").integer()>>4&0xF == 1 {
		return 1
	}
	return 0
}
