package bambu

import (
	"bytes"
	"strconv"

	"github.com/grovecloud/grove"
)

// Report says what a message from a printer was.
type Report struct {
	Class      string // print, info, system … ; never header or user_id
	Command    string
	SequenceID string
	Full       bool   // it tells everything, not what changed
	Merged     bool   // it went into the state
	Result     string // of a reply: success, SUCCESS, fail, FAIL, failed
	Reason     string // of a reply, the printer's own words
}

// fullMembers is how many members make a report without msg a full one: the
// least that was captured is 63, deltas have a handful.
const fullMembers = 40

// Merge reads a message from the printer (the whole payload). Reports of state
// (print.push_status, and fragments of print without a command) are merged;
// all else, such as replies to commands, is only described. The payload is not
// kept. On an error the state is as it was, except when the error says that the
// state has grown too large, which empties it: ask the printer for everything.
//
// Objects are merged member by member and everything else is replaced, but
// filament units, trays, external spools, extruders and nozzles, of which
// firmware sends single ones, are merged by their id (see bambuddy's and
// BambuStudio's handling). A full report names all of those that there are.
func (s *State) Merge(payload []byte) (Report, error) {
	d, err := readDocument(payload, maxReportBytes, false)
	if err != nil {
		return Report{}, err
	}
	defer d.close()
	r, body := d.report()
	if body < 0 {
		return r, grove.Errorf(grove.Invalid, "malformed_report", "a printer's message must be an object in an object, such as {\"print\":{…}}")
	}
	if r.Class != classPrint || r.Command != "" && r.Command != pushStatus {
		return r, nil
	}
	m := merging{d: d, full: r.Full}
	m.value(&s.root, body, reportShape)
	r.Merged = true
	return r, s.bound(len(payload), m.grew)
}

// bound empties a state that has grown beyond all reason.
func (s *State) bound(report int, grew bool) error {
	if !grew {
		return nil
	}
	if s.added += report; s.added < maxReportBytes {
		return nil
	}
	s.added = 0
	if s.root.size() <= maxStateBytes {
		return nil
	}
	s.root = node{kind: objectKind}
	return grove.Errorf(grove.TooLarge, "state_too_large", "the printer's merged state outgrew %d bytes and was dropped", maxStateBytes)
}

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
	state, members := false, 0
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
			r.Reason = d.words(j + 1)
		case "msg":
			msg = string(bare(d.raw(j + 1)))
		case "gcode_state":
			state = true
		}
	}
	if r.Class == classPrint && (r.Command == pushStatus || r.Command == "") {
		r.Full = msg == "0" || msg == "" && state && members >= fullMembers
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

// A shape says where in a report a value stands, as far as merging cares.
type shape uint8

const (
	otherShape  shape = iota
	reportShape       // print
	amsShape          // print.ams
	unitsShape        // print.ams.ams
	unitShape         // print.ams.ams[]
	traysShape        // print.ams.ams[].tray
	trayShape         // print.ams.ams[].tray[]
	deviceShape       // print.device
	toolShape         // print.device.extruder and nozzle
	listShape         // other lists that are merged by id
)

// member is the shape of an object's member.
func (sh shape) member(name string) shape {
	switch sh {
	case reportShape:
		switch name {
		case "ams":
			return amsShape
		case "device":
			return deviceShape
		case "vir_slot":
			return listShape
		}
	case amsShape:
		if name == "ams" {
			return unitsShape
		}
	case unitShape:
		if name == "tray" {
			return traysShape
		}
	case deviceShape:
		if name == "extruder" || name == "nozzle" {
			return toolShape
		}
	case toolShape:
		if name == "info" {
			return listShape
		}
	case otherShape, unitsShape, traysShape, trayShape, listShape:
	}
	return otherShape
}

// byID reports whether the shape's arrays are merged by the ids of their elements.
func (sh shape) byID() bool {
	return sh == unitsShape || sh == traysShape || sh == listShape
}

// element is the shape of an array's elements.
func (sh shape) element() shape {
	switch sh {
	case unitsShape:
		return unitShape
	case traysShape:
		return trayShape
	case otherShape, reportShape, amsShape, unitShape, trayShape, deviceShape, toolShape, listShape:
	}
	return otherShape
}

// maxListed bounds an array that is merged by id; a longer one is replaced.
const maxListed = 64

// merging is one document on its way into a tree.
type merging struct {
	d         *document
	full      bool // lists name all that there is
	grew      bool // memory was added
	sameSpool bool // the tray at hand is still what it was
}

// value merges value i of the document into n.
func (m *merging) value(n *node, i int, sh shape) {
	k := m.d.tokens[i].kind
	switch {
	case k == objectKind && sh == trayShape && n.kind == objectKind:
		m.tray(n, i)
	case k == objectKind:
		if n.kind != objectKind {
			n.kind, n.kids, n.text = objectKind, n.kids[:0], n.text[:0]
		}
		m.members(n, i, sh)
	case k == arrayKind && n.kind == arrayKind && sh.byID() && m.identified(i):
		m.list(n, i, sh)
	case k == arrayKind:
		m.replaceArray(n, i, sh)
	default:
		m.scalar(n, i)
	}
	if sh == amsShape && k == objectKind {
		m.exist(n, i)
	}
}

// members merges the members of object i into the object n. Members mostly come
// in the order in which they came before, so the search goes on where it was.
func (m *merging) members(n *node, i int, sh shape) {
	at := 0
	for j := i + 1; j < m.d.after(i); j = m.d.after(j + 1) {
		name := m.d.name(j)
		if m.ignores(n, j, sh) {
			continue
		}
		k := n.next(name, &at)
		if k == nil {
			if k = m.addMember(n, name); k == nil {
				continue
			}
		}
		m.value(k, j+1, sh.member(k.name))
	}
}

// next finds a member, searching from the given place around.
func (n *node) next(name []byte, at *int) *node {
	for range n.kids {
		if *at >= len(n.kids) {
			*at = 0
		}
		k := &n.kids[*at]
		*at++
		if k.name == string(name) {
			return k
		}
	}
	return nil
}

// addMember adds a member without a value, or gives nil if there are too many:
// no printer has a quarter as many.
func (m *merging) addMember(n *node, name []byte) *node {
	if len(n.kids) >= maxMembers {
		return nil
	}
	k := m.add(n)
	if k.name != string(name) {
		k.name = intern(name)
	}
	return k
}

// add adds a node without a value at the end of n.
func (m *merging) add(n *node) *node {
	m.grew = m.grew || len(n.kids) == cap(n.kids)
	n.kids = extend(n.kids)
	k := &n.kids[len(n.kids)-1]
	k.kind = noKind
	return k
}

// replaceArray makes n the array i.
func (m *merging) replaceArray(n *node, i int, sh shape) {
	n.kind, n.kids, n.text = arrayKind, n.kids[:0], n.text[:0]
	for j := i + 1; j < m.d.after(i); j = m.d.after(j) {
		k := m.add(n)
		k.name = ""
		m.value(k, j, sh.element())
	}
}

// scalar makes n the scalar i.
func (m *merging) scalar(n *node, i int) {
	raw := m.d.raw(i)
	if len(raw) > cap(n.text) {
		m.grew = true
	}
	n.kind, n.kids = m.d.tokens[i].kind, n.kids[:0]
	n.text = append(n.text[:0], raw...)
}

// identified reports whether array i can be merged by id: few objects, each with one.
func (m *merging) identified(i int) bool {
	count := 0
	for j := i + 1; j < m.d.after(i); j = m.d.after(j) {
		if count++; count > maxListed || len(m.id(j)) == 0 {
			return false
		}
	}
	return true
}

// id is the id of object i, without quotes; empty if it has none.
func (m *merging) id(i int) []byte {
	v := m.d.member(i, "id")
	if v < 0 {
		return nil
	}
	switch m.d.tokens[v].kind {
	case stringKind, numberKind:
		return bare(m.d.raw(v))
	case noKind, objectKind, arrayKind, literalKind, nameKind:
	}
	return nil
}

// list merges array i into the array n by the ids of its elements.
func (m *merging) list(n *node, i int, sh shape) {
	for j := i + 1; j < m.d.after(i); j = m.d.after(j) {
		k := n.element(m.id(j))
		if k == nil {
			k = m.add(n)
			k.name = ""
		}
		m.value(k, j, sh.element())
	}
	if m.full {
		n.drop(func(k *node) bool { return !m.lists(i, k) })
	}
}

// lists reports whether array i has an element with the id of k.
func (m *merging) lists(i int, k *node) bool {
	c := k.child("id")
	if i < 0 || c == nil {
		return false
	}
	for j := i + 1; j < m.d.after(i); j = m.d.after(j) {
		if bytes.Equal(m.id(j), bare(c.text)) {
			return true
		}
	}
	return false
}

// tray merges object i into the tray n. A tray that is nothing but an id, or an
// id and a state that means empty or unread, has lost its details.
func (m *merging) tray(n *node, i int) {
	if m.cleared(i) {
		n.kids = n.kids[:0]
		m.members(n, i, otherShape)
		return
	}
	m.sameSpool = !m.full && m.keepsSpool(n, i)
	m.members(n, i, trayShape)
	m.sameSpool = false
}

// cleared reports whether object i is a tray without details.
func (m *merging) cleared(i int) bool {
	for j := i + 1; j < m.d.after(i); j = m.d.after(j + 1) {
		switch string(m.d.name(j)) {
		case "id":
		case "state":
			switch string(bare(m.d.raw(j + 1))) {
			case "0", "8", "9":
			default:
				return false
			}
		default:
			return false
		}
	}
	return true
}

// keepsSpool reports whether update i of tray n says nothing that would speak
// for another spool.
func (m *merging) keepsSpool(n *node, i int) bool {
	for _, name := range []string{"tray_info_idx", "tray_type", "tray_sub_brands", "tray_color", "tray_id_name"} {
		now := m.d.member(i, name)
		if now < 0 {
			continue
		}
		if old := n.child(name); old == nil || !bytes.Equal(old.text, m.d.raw(now)) {
			return false
		}
	}
	return true
}

// ignores reports whether the member named by token j stays out of n: what
// belongs to the message alone, and an RFID of zeros for a spool whose RFID is
// known (the reader only failed this time).
func (m *merging) ignores(n *node, j int, sh shape) bool {
	name := m.d.name(j)
	switch sh {
	case reportShape:
		return ofMessage(string(name))
	case trayShape:
		if !m.sameSpool || string(name) != "tag_uid" && string(name) != "tray_uuid" || !zeros(m.d.raw(j+1)) {
			return false
		}
		old := n.child(string(name))
		return old != nil && !zeros(old.text)
	case otherShape, amsShape, unitsShape, unitShape, traysShape, deviceShape, toolShape, listShape:
	}
	return false
}

// ofMessage reports whether a member of print tells of the message, not of the
// printer.
func ofMessage(name string) bool {
	return name == "command" || name == "msg" || name == "sequence_id"
}

// zeros reports whether an RFID means none.
func zeros(raw []byte) bool { return len(bytes.Trim(bare(raw), "0")) == 0 }

// exist applies the bits of update i of the ams object n that tell which units
// and trays there are: they are right even if nothing else is sent.
func (m *merging) exist(n *node, i int) {
	units := n.child("ams")
	if units == nil || units.kind != arrayKind {
		return
	}
	if bits, ok := m.bits(i, "ams_exist_bits"); ok {
		listed := m.d.member(i, "ams")
		units.drop(func(u *node) bool {
			return gone(bits, unitBit(u.child("id").integerOr(-1))) && !m.lists(listed, u)
		})
	}
	if bits, ok := m.bits(i, "tray_exist_bits"); ok {
		for u := range units.kids {
			clearTrays(&units.kids[u], bits)
		}
	}
}

// bits reads a member of object i that is a string of hex digits.
func (m *merging) bits(i int, name string) (uint64, bool) {
	v := m.d.member(i, name)
	if v < 0 {
		return 0, false
	}
	bits, err := strconv.ParseUint(string(bare(m.d.raw(v))), 16, 64)
	return bits, err == nil
}

// clearTrays leaves id and state of those trays of a unit that are not there.
func clearTrays(unit *node, bits uint64) {
	trays := unit.child("tray")
	if trays == nil {
		return
	}
	id := unit.child("id").integerOr(-1)
	for t := range trays.kids {
		tray := &trays.kids[t]
		if gone(bits, trayBit(id, tray.child("id").integerOr(-1))) {
			tray.drop(func(k *node) bool { return k.name != "id" && k.name != "state" })
		}
	}
}

func gone(bits uint64, bit int) bool { return bit >= 0 && bits>>bit&1 == 0 }

// unitBit is a unit's place in ams_exist_bits, or -1 if that is not known: 0 to
// 3 for units of four trays, then the AMS HT.
func unitBit(unit int) int {
	switch {
	case unit >= 0 && unit <= 3:
		return unit
	case unit >= firstHT && unit <= lastHT:
		return 4 + unit - firstHT
	}
	return -1
}

// trayBit is a tray's place in tray_exist_bits, or -1 if that is not known.
func trayBit(unit, slot int) int {
	switch {
	case slot < 0 || slot > 3:
	case unit >= 0 && unit <= 3:
		return unit*4 + slot
	case unit == unitA2L:
		return 24 + slot
	case unit >= firstHT && unit <= lastHT && slot == 0:
		return 16 + unit - firstHT
	}
	return -1
}

// Ids of filament units that are not the usual four.
const (
	unitA2L = 16 // the A2L's AMS Lite
	firstHT = 128
	lastHT  = 135
)
